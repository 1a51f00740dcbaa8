// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"os"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/aws"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/alibabacloudacr"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/awsecr"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/azureacr"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/gcpartifactregistry"
)

// clouds is what the credential and key providers of clouds share: one transport,
// and of Alibaba Cloud one client and the sessions of each identity. It is used by
// one goroutine, the one that builds a service.
type clouds struct {
	transport *outbound.Transport
	now       func() time.Time
	alibaba   *alibabacloud.Client
	sessions  map[config.AlibabaIdentity]*alibabacloud.Sessions
}

func newClouds(now func() time.Time) *clouds {
	return &clouds{
		transport: outbound.NewTransport(outbound.Options{IdlePerHost: 1}), now: now,
		sessions: map[config.AlibabaIdentity]*alibabacloud.Sessions{},
	}
}

// azure is an identity of Azure.
func (c *clouds) azure(id config.AzureIdentity) entra.Options {
	return entra.Options{
		Method: entra.Method(id.Method), TenantID: id.TenantID, ClientID: id.ClientID, TokenFile: id.TokenFile, Authority: id.Authority,
		Env: os.Getenv, Transport: c.transport, Now: c.now,
	}
}

// aws is an identity of AWS.
func (c *clouds) aws(id config.AWSIdentity) aws.Options {
	return aws.Options{
		Method: aws.Method(id.Method), RoleARN: id.RoleARN, TokenFile: id.TokenFile, Region: id.STSRegion,
		Env: os.Getenv, Transport: c.transport, Now: c.now,
	}
}

// google is the identity of this workload at Google Cloud.
func (c *clouds) google() google.Options {
	return google.Options{Env: os.Getenv, Transport: c.transport, Now: c.now}
}

// alibabaCloud returns the client, and the sessions of an identity.
func (c *clouds) alibabaCloud(id config.AlibabaIdentity) (*alibabacloud.Client, *alibabacloud.Sessions, error) {
	if c.alibaba == nil {
		client, err := alibabacloud.New(alibabacloud.Options{Transport: c.transport, Now: c.now})
		if err != nil {
			return nil, nil, err
		}
		c.alibaba = client
	}
	if c.sessions[id] == nil {
		sessions, err := c.alibaba.Sessions(alibabacloud.Identity{
			Kind: id.Kind, RoleARN: id.RoleARN, OIDCProviderARN: id.OIDCProviderARN, TokenFile: id.TokenFile, SessionName: id.SessionName,
			ExternalID: id.ExternalID, Policy: id.Policy, Duration: id.Duration, STSEndpoint: id.STSEndpoint, ECSRole: id.ECSRole, Env: os.Getenv,
		})
		if err != nil {
			return nil, nil, err
		}
		c.sessions[id] = sessions
	}
	return c.alibaba, c.sessions[id], nil
}

// cloudCredentials is the list of credential providers of clouds. What an identity
// lacks is an error at once: nothing would be admitted without.
func cloudCredentials(c *config.Credential, d Deps) (credentials.Provider, error) {
	switch c.Provider {
	case config.CredentialAzure:
		return azureacr.New(azureacr.Options{Identity: d.clouds.azure(c.Azure.Identity)})
	case config.CredentialAlibaba:
		return alibabaCredentials(&c.Alibaba, d)
	case config.CredentialAWS:
		return awsecr.New(awsecr.Options{Identity: d.clouds.aws(c.AWS.Identity), Public: c.AWS.Public || c.Match == awsecr.PublicHost})
	case config.CredentialGoogle:
		return gcpartifactregistry.New(gcpartifactregistry.Options{Identity: d.clouds.google()})
	default:
		return nil, fmt.Errorf("%q is not built in", c.Provider)
	}
}

func alibabaCredentials(c *config.AlibabaCredentials, d Deps) (credentials.Provider, error) {
	client, sessions, err := d.clouds.alibabaCloud(c.Identity)
	if err != nil {
		return nil, err
	}
	o := alibabacloudacr.Options{
		Client: client, Sessions: sessions, DefaultInstance: c.DefaultInstance, Regions: c.Regions,
		Personal: c.Personal, VPC: c.VPC, Endpoint: c.Endpoint, Now: d.Now,
	}
	if o.DefaultInstance == "" {
		o.DefaultInstance = os.Getenv("ALIBABA_CLOUD_ACR_INSTANCE_ID")
	}
	for _, i := range c.Instances {
		o.Instances = append(o.Instances, alibabacloudacr.Instance{Key: i.Name, ID: i.ID})
	}
	for _, h := range c.Hosts {
		o.Hosts = append(o.Hosts, alibabacloudacr.CustomHost{Host: h.Host, Region: h.Region, ID: h.Instance})
	}
	return alibabacloudacr.New(o)
}
