// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
)

// agent is the agent of EKS Pod Identity on the node, which gives each pod its own
// role's key.
type agent struct {
	address string
	client  cloud.Client
}

const stepAgent = "ask pod identity agent"

func (i *Identity) prepareAgent() error {
	u, err := url.Parse(i.o.Env("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
	if err != nil || u.Scheme != "http" || u.Host == "" || u.User != nil {
		return errors.New("pod_identity: $AWS_CONTAINER_CREDENTIALS_FULL_URI is not the URL of an agent; is the service account associated with a pod identity?")
	}
	i.o.TokenFile = i.o.Env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	if i.o.TokenFile == "" {
		return errors.New("pod_identity: $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not set")
	}
	service, override := u.Host, ""
	if service != "169.254.170.23" && service != "[fd00:ec2::23]" {
		service, override = "169.254.170.23", "http://"+u.Host // on loopback or refused
	}
	base, transport, err := cloud.Metadata(service, override)
	i.agent = agent{address: base + u.EscapedPath(), client: cloud.Client{Transport: transport, Timeout: 5 * time.Second}}
	return err
}

func (i *Identity) askAgent(ctx context.Context) (key, time.Time, error) {
	token, err := readToken(i.o.TokenFile)
	if err != nil {
		return key{}, time.Time{}, err
	}
	req, err := cloud.Get(ctx, i.agent.address)
	if err != nil {
		return key{}, time.Time{}, &cloud.Error{Step: stepAgent, Message: "the agent has no URL"}
	}
	req.Header.Set("Authorization", token)
	var answer struct {
		ID      string    `json:"AccessKeyId"`
		Secret  string    `json:"SecretAccessKey"`
		Token   string    `json:"Token"`
		Expires time.Time `json:"Expiration"`
	}
	if err := i.agent.client.JSON(stepAgent, req, explainAgent, &answer); err != nil {
		return key{}, time.Time{}, err
	}
	return usable(stepAgent, key{answer.ID, answer.Secret, answer.Token}, answer.Expires, i.o.Now())
}

// explainAgent reads a refusal of the agent, which is text or JSON.
func explainAgent(_ http.Header, body []byte) cloud.Refusal {
	var said struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return cloud.Refusal{Advice: "the agent gives no key; is the service account associated with a pod identity?"}
	}
	return cloud.Refusal{Code: said.Code, Message: said.Message, Retryable: passing(said.Code)}
}
