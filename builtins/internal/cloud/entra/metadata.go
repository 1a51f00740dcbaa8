// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
)

// metadataService is where a machine asks for its own identity.
type metadataService struct {
	base   string
	client cloud.Client
}

func (i *Identity) prepareMetadata() error {
	if i.o.ClientID == "" {
		i.o.ClientID = i.o.Env("AZURE_CLIENT_ID")
	}
	if i.o.ClientID != "" && !identifier.MatchString(i.o.ClientID) {
		return fmt.Errorf("client_id %q is not a GUID", i.o.ClientID)
	}
	if i.o.TenantID == "" {
		i.o.TenantID = i.o.Env("AZURE_TENANT_ID")
	}
	base, transport, err := cloud.Metadata("169.254.169.254", i.o.Env("AZURE_POD_IDENTITY_AUTHORITY_HOST"))
	if err != nil {
		return err
	}
	i.metadata = metadataService{base: base, client: cloud.Client{Transport: transport, Timeout: 5 * time.Second}}
	return nil
}

// machineToken asks the metadata service.
func (i *Identity) machineToken(ctx context.Context, resource string) (string, time.Time, error) {
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {resource}}
	if i.o.ClientID != "" {
		query.Set("client_id", i.o.ClientID)
	}
	req, err := cloud.Get(ctx, i.metadata.base+"/metadata/identity/oauth2/token?"+query.Encode())
	if err != nil {
		return "", time.Time{}, &cloud.Error{Step: stepToken, Message: "the metadata service has no URL"}
	}
	req.Header.Set("Metadata", "true")
	var a answer
	err = i.metadata.client.JSON(stepToken, req, func(h http.Header, body []byte) cloud.Refusal { return explain(h, body, "") }, &a)
	if err != nil {
		return "", time.Time{}, err
	}
	return a.token(i.o.Now())
}
