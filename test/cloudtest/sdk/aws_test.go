// SPDX-License-Identifier: Apache-2.0

package sdk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

const region = "eu-central-1"

// role returns an account and the configuration of a pod with its role.
func role(t *testing.T) (*awstest.AWS, aws.Config) {
	t.Helper()
	account := awstest.New(time.Now)
	world := hosts.New(t, map[string]http.Handler{
		"sts.eu-central-1.amazonaws.com": account.STS(), "api.ecr.eu-central-1.amazonaws.com": account.ECR(), "kms.eu-central-1.amazonaws.com": account.KMS(),
		"sts.us-east-1.amazonaws.com": account.STS(), "api.ecr-public.us-east-1.amazonaws.com": account.ECRPublic(),
	})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	account.Trust("a.b.c", time.Now().Add(time.Hour))
	config := aws.Config{Region: region, HTTPClient: &http.Client{Transport: world.Transport()}, RetryMaxAttempts: 1}
	config.Credentials = aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(config), account.Role, stscreds.IdentityTokenFile(file)))
	return account, config
}

func TestSDKGetsARegistrysPassword(t *testing.T) {
	t.Parallel()
	account, config := role(t)
	got, err := ecr.NewFromConfig(config).GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{RegistryIds: []string{account.Account}}) //nolint:staticcheck // deprecated, and still what chooses an account
	if err != nil || len(got.AuthorizationData) != 1 || time.Until(*got.AuthorizationData[0].ExpiresAt) < 11*time.Hour || account.Assumed() != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSDKGetsAPasswordOfThePublicRegistry(t *testing.T) {
	t.Parallel()
	account, config := role(t)
	config.Region = "us-east-1"
	got, err := ecrpublic.NewFromConfig(config).GetAuthorizationToken(t.Context(), &ecrpublic.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(*got.AuthorizationData.AuthorizationToken)
	if user, password, _ := strings.Cut(string(raw), ":"); err != nil || !account.Accepts(user, password) || time.Until(*got.AuthorizationData.ExpiresAt) < 11*time.Hour {
		t.Errorf("%v", err)
	}
}

func TestSDKGetsAPublicKey(t *testing.T) {
	t.Parallel()
	account, config := role(t)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	account.PutKey("alias/release", awstest.Key{Public: &k.PublicKey})
	account.PutKey("alias/disabled", awstest.Key{Public: &k.PublicKey, State: "Disabled"})
	client := kms.NewFromConfig(config)
	got, err := client.GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String("alias/release")})
	if err != nil || got.KeyUsage != types.KeyUsageTypeSignVerify || len(got.PublicKey) == 0 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = client.GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String("alias/disabled")})
	if _, ok := errors.AsType[*types.DisabledException](err); !ok {
		t.Errorf("disabled: %v", err)
	}
}

func TestStandInRefusesAnotherSignature(t *testing.T) {
	t.Parallel()
	account, config := role(t)
	id, _ := account.AccessKey()
	config.Credentials = credentials.NewStaticCredentialsProvider(id, "wrong", "")
	if _, err := kms.NewFromConfig(config).GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String("alias/release")}); err == nil {
		t.Error("a wrong signature is accepted")
	}
}
