// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// Options configures a [Client]. The zero value is usable.
type Options struct {
	// Transport reaches the services. Nil: one of package outbound, with the proxy
	// of the environment.
	Transport http.RoundTripper
	// Metadata reaches the metadata service of ECS, and nothing else is asked
	// through it. Nil: one that dials 100.100.100.200 alone, without a proxy.
	Metadata http.RoundTripper
	// Timeout of one call. Zero: 10 s.
	Timeout time.Duration
	// Now is the clock by which sessions and tokens expire. Nil: [time.Now].
	Now func() time.Time
}

// Client makes calls. It may be shared between goroutines.
type Client struct{ o Options }

// ErrDebug says that the SDK was told to print requests with their tokens.
var ErrDebug = errors.New(`the environment variable DEBUG names "sdk", by which alibaba-cloud-sdk-go prints requests and session tokens; unset it`)

// New returns a client. The error wraps [ErrDebug].
func New(o Options) (*Client, error) {
	if slices.Contains(strings.Split(os.Getenv("DEBUG"), ","), "sdk") {
		return nil, ErrDebug
	}
	if o.Transport == nil {
		o.Transport = outbound.NewTransport(outbound.Options{})
	}
	if o.Metadata == nil {
		o.Metadata = metadataTransport()
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{o: o}, nil
}

// call is where and as whom a request is made.
type call struct {
	host    string // without a scheme
	region  string
	session Session
}

// do makes one signed request. The error is an [*Error] named after the request's
// action; its cause is the context's if that ended first.
func (c *Client) do(ctx context.Context, to call, request requests.AcsRequest, response responses.AcsResponse) (err error) {
	step, seen := request.GetActionName(), &exchange{}
	defer func() {
		if recover() != nil {
			err = panicked(step, seen)
		}
	}()
	if !validHost(to.host) {
		return problemf(step, "%q is not a host name", to.host)
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	client, err := c.client(to, &guard{ctx: ctx, host: to.host, base: c.o.Transport, seen: seen})
	if err != nil {
		return problemf(step, "%v", err)
	}
	request.SetDomain(to.host)
	request.SetScheme("HTTPS")
	if err := client.DoAction(request, response); err != nil {
		return fromSDK(step, err, seen)
	}
	return nil
}

// client returns an SDK client for one call: a shared one is no safe place for a
// second goroutine. The constructors of its service packages write globals.
func (c *Client) client(to call, transport http.RoundTripper) (*sdk.Client, error) {
	config := sdk.NewConfig().WithScheme("HTTPS").WithTimeout(c.o.Timeout + time.Second) // the context ends first, and says why
	config.Transport = transport
	client := &sdk.Client{}
	client.SetCloseTrace(true)
	err := client.InitWithOptions(to.region, config, &credentials.StsTokenCredential{
		AccessKeyId: to.session.AccessKeyID, AccessKeySecret: to.session.AccessKeySecret, AccessKeyStsToken: to.session.SecurityToken,
	})
	if err != nil {
		return nil, fmt.Errorf("region %q: letters, digits, _ and - are allowed", to.region)
	}
	client.SetCloseTrace(true)
	return client, nil
}

// panicked is what remains of an answer that the SDK cannot read: error objects
// whose fields are not strings.
func panicked(step string, seen *exchange) *Error {
	e := &Error{
		Step: step, Message: "the answer is an error object that is not documented", RequestID: seen.requestID,
		Retryable: seen.status >= http.StatusInternalServerError || seen.status == 0,
	}
	if seen.status != 0 {
		e.Code = fmt.Sprint(seen.status)
	}
	return e
}

// validHost accepts what may stand between https:// and the path.
func validHost(host string) bool {
	return host != "" && len(host) <= 253 && !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != ':'
	})
}
