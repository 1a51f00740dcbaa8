// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// The account of [Alibaba]. Its access key may do everything and assume the role.
const (
	AlibabaKeyID     = "LTAI5tFakeFakeFakeFakeFa"
	AlibabaKeySecret = "fakeSecretOfTheAccessKeyNotARealOne"
	AlibabaRole      = "acs:ram::113802571553:role/ratify-role"
	AlibabaProvider  = "acs:ram::113802571553:oidc-provider/ack-rrsa-c0123456789"
	AlibabaSubject   = "system:serviceaccount:ratify:ratify-admin"
	AlibabaNodeRole  = "KubernetesWorkerRole-fake"
	AlibabaUser      = "tsh_ram@113802571553" // whose access credential every instance takes
	AlibabaPassword  = "fake-password-of-the-access-credential"
)

// Alibaba is Alibaba Cloud: STS, Container Registry, KMS and the metadata service
// of ECS, in every region of Regions. Its exported fields are set before the first
// request.
type Alibaba struct {
	// Regions that exist. cn-hangzhou and cn-beijing unless set otherwise.
	Regions []string
	// SessionLife and TokenLife are how long sessions and registry tokens are
	// valid. One hour each unless set otherwise.
	SessionLife, TokenLife time.Duration
	// Instances of Container Registry.
	Instances []AlibabaInstance
	// Secrets and Certificates of KMS, by name and id.
	Secrets      map[string]AlibabaSecret
	Certificates map[string]AlibabaCertificate
	// Keys of KMS, by id or alias.
	Keys map[string]*AlibabaKey
	// RawECDSA makes KMS answer r‖s in place of ASN.1.
	RawECDSA bool
	// Now is the service's clock.
	Now func() time.Time
	// Signing is the clock that requests are signed by. [time.Now] unless set
	// otherwise: the SDK has no other.
	Signing func() time.Time

	issuer *ecdsa.PrivateKey // of service account tokens

	mu       sync.Mutex
	sessions map[string]alibabaSession // by access key id
	tokens   map[string]string         // registry password: instance
	nonces   map[string]bool
	calls    map[string]int
	faults   map[string]http.HandlerFunc
}

// AlibabaInstance is an instance of Container Registry.
type AlibabaInstance struct{ ID, Name, Region string }

// AlibabaSecret is a secret's value.
type AlibabaSecret struct {
	Data, Version string
	Binary        bool // Data is base64
}

// AlibabaCertificate is a certificate and its chain, PEM.
type AlibabaCertificate struct{ Certificate, Chain string }

type alibabaSession struct {
	secret, token string
	expires       time.Time // zero: never
}

// NewAlibaba returns the services with the account of the constants.
func NewAlibaba(tb testing.TB) *Alibaba {
	tb.Helper()
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return &Alibaba{
		Regions: []string{"cn-hangzhou", "cn-beijing"}, SessionLife: time.Hour, TokenLife: time.Hour, Now: time.Now, Signing: time.Now, issuer: issuer,
		Secrets: map[string]AlibabaSecret{}, Certificates: map[string]AlibabaCertificate{}, Keys: map[string]*AlibabaKey{},
		sessions: map[string]alibabaSession{AlibabaKeyID: {secret: AlibabaKeySecret}},
		tokens:   map[string]string{}, nonces: map[string]bool{}, calls: map[string]int{}, faults: map[string]http.HandlerFunc{},
	}
}

// Hosts are the services' names, for [Start].
func (a *Alibaba) Hosts() map[string]http.Handler {
	hosts := map[string]http.Handler{
		"sts.aliyuncs.com": http.HandlerFunc(a.sts), "100.100.100.200": http.HandlerFunc(a.metadata),
		"*.cryptoservice.kms.aliyuncs.com": http.HandlerFunc(a.kms), // dedicated instances
	}
	for _, region := range a.Regions {
		for service, serve := range map[string]http.HandlerFunc{"sts": a.sts, "cr": a.registry(region), "kms": a.kms} {
			hosts[service+"."+region+".aliyuncs.com"] = serve
			hosts[service+"-vpc."+region+".aliyuncs.com"] = serve
		}
	}
	return hosts
}

// Fault answers an action from now on in place of the service; nil ends it.
func (a *Alibaba) Fault(action string, answer http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults[action] = answer
}

// Calls is how often an action was asked for, faults included.
func (a *Alibaba) Calls(action string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[action]
}

// Instance is the instance whose registry takes this user name and password, ""
// if none does.
func (a *Alibaba) Instance(username, password string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if username != "cr_temp_user" {
		return ""
	}
	return a.tokens[password]
}

// enter counts an action and lets its fault answer.
func (a *Alibaba) enter(action string, w http.ResponseWriter, r *http.Request) (proceed bool) {
	a.mu.Lock()
	a.calls[action]++
	fault := a.faults[action]
	a.mu.Unlock()
	if fault != nil {
		fault(w, r)
	}
	return fault == nil
}

// session makes a session of a role.
func (a *Alibaba) session() map[string]string {
	id, secret, token := "STS.Nfake"+random(), "secret-"+random(), "token/+="+random()
	expires := a.Now().Add(a.SessionLife)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[id] = alibabaSession{secret: secret, token: token, expires: expires}
	return map[string]string{
		"AccessKeyId": id, "AccessKeySecret": secret, "SecurityToken": token, "Expiration": expires.UTC().Format("2006-01-02T15:04:05Z"),
	}
}

// sts is the Security Token Service. AssumeRoleWithOIDC is not signed, and its
// token must not be where logs keep it.
func (a *Alibaba) sts(w http.ResponseWriter, r *http.Request) {
	action := r.URL.Query().Get("Action")
	if !a.enter(action, w, r) {
		return
	}
	switch action {
	case "AssumeRoleWithOIDC":
		a.assumeRoleWithOIDC(w, r)
	case "AssumeRole":
		if p := a.signed(w, r); p != nil && a.wants(w, p["RoleArn"] == AlibabaRole, 403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.") {
			answer(w, map[string]any{"Credentials": a.session()})
		}
	default:
		refuse(w, 404, "InvalidAction.NotFound", "Specified api is not found")
	}
}

func (a *Alibaba) assumeRoleWithOIDC(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if err := r.ParseForm(); err != nil {
		refuse(w, 400, "InvalidParameter", "form")
		return
	}
	form, jwt := r.PostForm, r.PostForm.Get("OIDCToken")
	switch {
	case query.Get("OIDCToken") != "" || query.Get("Signature") != "" || r.Method != http.MethodPost:
		refuse(w, 400, "InvalidParameter", "the token does not belong into the query")
	case form.Get("RoleArn") != AlibabaRole || form.Get("OIDCProviderArn") != AlibabaProvider:
		refuse(w, 404, "EntityNotExist.Role", "The role not exists")
	default:
		if code, message := a.judge(jwt); code != "" {
			refuse(w, 400, code, message)
			return
		}
		answer(w, map[string]any{"Credentials": a.session()})
	}
}

// registry is Container Registry in a region.
func (a *Alibaba) registry(region string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tokens" {
			if a.enter("tokens", w, r) && a.signedROA(w, r) {
				answer(w, map[string]any{"data": map[string]any{
					"authorizationToken": a.token("personal/" + region), "tempUserName": "cr_temp_user", "expireDate": a.Now().Add(a.TokenLife).UnixMilli(),
				}})
			}
			return
		}
		if !a.enter(r.URL.Query().Get("Action"), w, r) {
			return
		}
		p := a.signed(w, r)
		if p == nil {
			return
		}
		switch p["Action"] {
		case "GetAuthorizationToken":
			if !a.wants(w, a.instance(p["InstanceId"], region) != "", 200, "INSTANCE_NOT_EXIST", "instance is not exist.") {
				return
			}
			answer(w, map[string]any{
				"IsSuccess": true, "Code": "success", "TempUsername": "cr_temp_user", "AuthorizationToken": a.token(p["InstanceId"]),
				"ExpireTime": a.Now().Add(a.TokenLife).UnixMilli(),
			})
		case "ListInstance":
			a.list(w, region, p["InstanceName"])
		default:
			refuse(w, 404, "InvalidAction.NotFound", "Specified api is not found")
		}
	}
}

func (a *Alibaba) instance(id, region string) string {
	for _, i := range a.Instances {
		if i.ID == id && i.Region == region {
			return i.Name
		}
	}
	return ""
}

// list answers names that contain what is asked for.
func (a *Alibaba) list(w http.ResponseWriter, region, name string) {
	found := []map[string]string{}
	for _, i := range a.Instances {
		if i.Region == region && strings.Contains(i.Name, name) {
			found = append(found, map[string]string{"InstanceId": i.ID, "InstanceName": i.Name, "InstanceStatus": "RUNNING", "RegionId": region})
		}
	}
	answer(w, map[string]any{"IsSuccess": true, "Code": "success", "Instances": found, "TotalCount": len(found), "PageNo": 1, "PageSize": 100})
}

func (a *Alibaba) token(instance string) string {
	token := "registry-token-" + random()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = instance
	return token
}

// metadata is the metadata service of a node, which demands a token of its own.
func (a *Alibaba) metadata(w http.ResponseWriter, r *http.Request) {
	const token = "metadata-token"
	switch {
	case !a.enter("metadata", w, r):
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aliyun-ecs-metadata-token-ttl-seconds") != "":
		_, _ = fmt.Fprint(w, token)
	case r.Header.Get("X-aliyun-ecs-metadata-token") != token:
		http.Error(w, "", http.StatusForbidden)
	case r.URL.Path == "/latest/meta-data/ram/security-credentials/":
		_, _ = fmt.Fprint(w, AlibabaNodeRole)
	case r.URL.Path == "/latest/meta-data/ram/security-credentials/"+AlibabaNodeRole:
		s := a.session()
		s["Code"] = "Success"
		_ = json.NewEncoder(w).Encode(s)
	default:
		http.NotFound(w, r)
	}
}

// wants refuses unless ok; status 200 is how Container Registry refuses.
func (a *Alibaba) wants(w http.ResponseWriter, ok bool, status int, code, message string) bool {
	switch {
	case ok:
	case status == http.StatusOK:
		answer(w, map[string]any{"IsSuccess": false, "Code": code, "Message": message})
	default:
		refuse(w, status, code, message)
	}
	return ok
}

// requestID is the one of every answer.
const requestID = "2CE6D1A2-0000-4000-8000-FAKEFAKEFAKE"

func answer(w http.ResponseWriter, body map[string]any) {
	body["RequestId"] = requestID
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"RequestId": requestID, "HostId": "fake.aliyuncs.com", "Code": code, "Message": message})
}

// Refuse is a fault: an error object as the services answer.
func Refuse(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code, message) }
}

func random() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func flat(values ...url.Values) map[string]string {
	all := map[string]string{}
	for _, v := range values {
		for name, value := range v {
			all[name] = value[0]
		}
	}
	return all
}
