// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/cr"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/cr_ee"
)

// RegistryToken is a user name and password of Container Registry, as long as
// they are valid.
type RegistryToken struct {
	Username, Password string
	Expires            time.Time
}

// Place is where a service is asked, and as whom.
type Place struct {
	Endpoint string // host name, "cr.cn-hangzhou.aliyuncs.com"
	Region   string // "cn-hangzhou"
	Session  Session
}

func (p Place) call() call { return call{host: p.Endpoint, region: p.Region, session: p.Session} }

// RegistryToken gets a token for one instance of the Enterprise Edition, "cri-…".
// It dies with the session that it was asked with.
//
// Spec: Container Registry API 2018-12-01, "GetAuthorizationToken".
func (c *Client) RegistryToken(ctx context.Context, at Place, instance string) (RegistryToken, error) {
	request, response := cr_ee.CreateGetAuthorizationTokenRequest(), cr_ee.CreateGetAuthorizationTokenResponse()
	request.InstanceId = instance
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return RegistryToken{}, err
	}
	if !response.GetAuthorizationTokenIsSuccess {
		return RegistryToken{}, unsuccessful("GetAuthorizationToken", response.Code, response.RequestId)
	}
	return c.token(RegistryToken{Username: response.TempUsername, Password: response.AuthorizationToken, Expires: time.UnixMilli(response.ExpireTime)}, at.Session, response.RequestId)
}

// PersonalToken gets a token for the Personal Edition in a region.
//
// Spec: Container Registry API 2016-06-07, "GetAuthorizationToken".
func (c *Client) PersonalToken(ctx context.Context, at Place) (RegistryToken, error) {
	request, response := cr.CreateGetAuthorizationTokenRequest(), cr.CreateGetAuthorizationTokenResponse()
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return RegistryToken{}, err
	}
	var answer struct {
		Data struct {
			AuthorizationToken string `json:"authorizationToken"`
			TempUserName       string `json:"tempUserName"`
			ExpireDate         int64  `json:"expireDate"`
		} `json:"data"`
	}
	if json.Unmarshal(response.GetHttpContentBytes(), &answer) != nil {
		return RegistryToken{}, &Error{Step: "GetAuthorizationToken", Message: "the answer is not the JSON that is documented", Retryable: true}
	}
	d := answer.Data
	return c.token(RegistryToken{Username: d.TempUserName, Password: d.AuthorizationToken, Expires: time.UnixMilli(d.ExpireDate)}, at.Session, "")
}

// token refuses what is called a token and is none.
func (c *Client) token(t RegistryToken, of Session, requestID string) (RegistryToken, error) {
	if !of.Expires.IsZero() && of.Expires.Before(t.Expires) {
		t.Expires = of.Expires
	}
	e := &Error{Step: "GetAuthorizationToken", RequestID: cleanRequestID(requestID), Retryable: true}
	switch {
	case t.Username == "" || t.Password == "":
		e.Message = "the answer holds no token"
	case !t.Expires.After(c.o.Now()):
		e.Message = "the token has expired already, at " + t.Expires.UTC().Format(time.RFC3339) + "; check this machine's clock"
	default:
		return t, nil
	}
	return RegistryToken{}, e
}

// unsuccessful is an answer with status 200 that says it is none.
func unsuccessful(step, code, requestID string) *Error {
	e := refused(step, 200, code, "IsSuccess is false", requestID)
	if code == "" {
		e.Code, e.Message = "", "IsSuccess is false"
	}
	return e
}

// Instance is an instance of Container Registry.
type Instance struct{ ID, Name string }

// instancesPerPage is more than an account has in a region.
const (
	instancesPerPage = 100
	maxInstancePages = 10
)

// Instances lists the instances in a region that are called name, or contain it.
//
// Spec: Container Registry API 2018-12-01, "ListInstance".
func (c *Client) Instances(ctx context.Context, at Place, name string) ([]Instance, error) {
	var all []Instance
	for page := 1; page <= maxInstancePages; page++ {
		request, response := cr_ee.CreateListInstanceRequest(), cr_ee.CreateListInstanceResponse()
		request.InstanceName = name
		request.PageNo, request.PageSize = requests.NewInteger(page), requests.NewInteger(instancesPerPage)
		if err := c.do(ctx, at.call(), request, response); err != nil {
			return nil, err
		}
		if !response.ListInstanceIsSuccess {
			return nil, unsuccessful("ListInstance", response.Code, response.RequestId)
		}
		for _, i := range response.Instances {
			all = append(all, Instance{ID: i.InstanceId, Name: i.InstanceName})
		}
		if len(response.Instances) < instancesPerPage {
			return all, nil
		}
	}
	return nil, problemf("ListInstance", "more than %d instances", maxInstancePages*instancesPerPage)
}
