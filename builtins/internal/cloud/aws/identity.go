// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
)

// Method is a way to get an access key.
type Method string

// The methods.
const (
	WebIdentity Method = "web_identity" // the service account's token, to STS (IRSA)
	PodIdentity Method = "pod_identity" // the agent of EKS Pod Identity
	AccessKey   Method = "access_key"   // a key in the environment
)

// Options configures an [Identity].
type Options struct {
	// Method to use. Empty: what the environment is prepared for, in the order of
	// the constants.
	Method Method
	// RoleARN to assume with WebIdentity. Empty: $AWS_ROLE_ARN.
	RoleARN string
	// TokenFile holds the service account's token; it is read again at each use.
	// Empty: $AWS_WEB_IDENTITY_TOKEN_FILE.
	TokenFile string
	// Region of STS. Empty: $AWS_REGION, else $AWS_DEFAULT_REGION, else that of the
	// role's partition.
	Region string
	// Env looks up the environment. Nil: it is empty.
	Env func(string) string
	// Transport to the services. Required.
	Transport http.RoundTripper
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Identity makes signed calls. It may be shared between goroutines.
type Identity struct {
	o      Options
	client cloud.Client
	agent  agent // of PodIdentity
	sts    string
	keys   *lease.Leases[struct{}, key]
}

// New returns an identity. The error names what is missing; nothing is asked of
// anybody.
func New(o Options) (*Identity, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Env == nil {
		o.Env = func(string) string { return "" }
	}
	i := &Identity{o: o, client: cloud.Client{Transport: o.Transport}}
	i.keys = lease.New(lease.Options[struct{}, key]{Ask: i.ask, Timeout: cloud.AskTimeout, Now: o.Now})
	method, err := chooseMethod(o)
	if err != nil {
		return nil, err
	}
	i.o.Method = method
	switch method {
	case WebIdentity:
		return i, i.prepareWebIdentity()
	case PodIdentity:
		return i, i.prepareAgent()
	default:
		return i, i.prepareAccessKey()
	}
}

func chooseMethod(o Options) (Method, error) {
	switch {
	case o.Method == WebIdentity, o.Method == PodIdentity, o.Method == AccessKey:
		return o.Method, nil
	case o.Method != "":
		return "", fmt.Errorf("method %q: write %s, %s or %s", o.Method, WebIdentity, PodIdentity, AccessKey)
	case o.RoleARN != "" || o.Env("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		return WebIdentity, nil
	case o.Env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
		return PodIdentity, nil
	case o.Env("AWS_ACCESS_KEY_ID") != "":
		return AccessKey, nil
	}
	return "", errors.New("neither $AWS_WEB_IDENTITY_TOKEN_FILE nor $AWS_CONTAINER_CREDENTIALS_FULL_URI nor $AWS_ACCESS_KEY_ID is set; annotate the service account with a role, or associate it with a pod identity")
}

// roleARN is that of a role. Spec: IAM, "IAM identifiers".
var roleARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov|aws-eusc):iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}$`)

func (i *Identity) prepareWebIdentity() error {
	i.o.RoleARN = cmp.Or(i.o.RoleARN, i.o.Env("AWS_ROLE_ARN"))
	i.o.TokenFile = cmp.Or(i.o.TokenFile, i.o.Env("AWS_WEB_IDENTITY_TOKEN_FILE"))
	i.o.Region = cmp.Or(i.o.Region, i.o.Env("AWS_REGION"), i.o.Env("AWS_DEFAULT_REGION"))
	m := roleARN.FindStringSubmatch(i.o.RoleARN)
	switch {
	case i.o.TokenFile == "":
		return errors.New("token_file: neither it nor $AWS_WEB_IDENTITY_TOKEN_FILE is set")
	case m == nil:
		return fmt.Errorf("role_arn %q is not the ARN of a role, as arn:aws:iam::123456789012:role/NAME", i.o.RoleARN)
	}
	home := map[string]string{"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}[m[1]]
	i.o.Region = cmp.Or(i.o.Region, home)
	host, err := Host("sts", i.o.Region)
	i.sts = host
	return err
}

func (i *Identity) prepareAccessKey() error {
	if i.o.Env("AWS_ACCESS_KEY_ID") == "" || i.o.Env("AWS_SECRET_ACCESS_KEY") == "" {
		return errors.New("access_key: $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY must be set")
	}
	return nil
}

// region is the name of a region.
var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)

// Host returns the host of a service in a region, "kms.eu-central-1.amazonaws.com".
func Host(service, in string) (string, error) {
	if !region.MatchString(in) {
		return "", fmt.Errorf("region %q is not the name of a region, as eu-central-1", in)
	}
	return service + "." + in + "." + Suffix(in), nil
}

// Suffix returns the domain of the services of a region.
func Suffix(region string) string {
	switch region[:min(3, len(region))] {
	case "cn-":
		return "amazonaws.com.cn"
	case "eus":
		return "amazonaws.eu"
	default:
		return "amazonaws.com"
	}
}

// key returns the access key to sign with now.
func (i *Identity) key(ctx context.Context) (key, error) { return i.keys.Take(ctx, struct{}{}) }

func (i *Identity) ask(ctx context.Context, _ struct{}) (key, time.Time, error) {
	switch i.o.Method {
	case WebIdentity:
		return i.assumeRole(ctx)
	case PodIdentity:
		return i.askAgent(ctx)
	default:
		return key{i.o.Env("AWS_ACCESS_KEY_ID"), i.o.Env("AWS_SECRET_ACCESS_KEY"), i.o.Env("AWS_SESSION_TOKEN")}, time.Time{}, nil
	}
}
