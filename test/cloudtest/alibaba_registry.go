// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"fmt"
	"net/http"
	"strings"
)

// Registries are the hosts of the instances of Container Registry, by which each
// demands a token of the instance, and of their token servers, which are others.
// Behind them is upstream.
func (a *Alibaba) Registries(upstream http.Handler) map[string]http.Handler {
	hosts := map[string]http.Handler{}
	for _, region := range a.Regions {
		hosts["*."+region+".cr.aliyuncs.com"] = a.instanceRegistry(region, upstream)
		hosts["dockerauth-ee."+region+".aliyuncs.com"] = http.HandlerFunc(a.dockerAuth)
		hosts["dockerauth-ee-vpc."+region+".aliyuncs.com"] = http.HandlerFunc(a.dockerAuth)
	}
	return hosts
}

// instanceRegistry finds the instance by the host name.
func (a *Alibaba) instanceRegistry(region string, upstream http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, network, _ := strings.Cut(strings.SplitN(r.Host, ".", 2)[0], "-registry")
		id := ""
		for _, i := range a.Instances {
			if i.Name == name && i.Region == region {
				id = i.ID
			}
		}
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		a.mu.Lock()
		allowed := id != "" && a.tokens["bearer "+token] == id
		a.mu.Unlock()
		if !allowed {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://dockerauth-ee%s.%s.aliyuncs.com/auth",service="registry.aliyuncs.com:%s:%s"`, network, region, region, id))
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		upstream.ServeHTTP(w, r)
	})
}

// dockerAuth gives a token of an instance for a password of that instance: a temporary
// one, or the access credential that people push with.
func (a *Alibaba) dockerAuth(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	service := r.URL.Query().Get("service")
	id := a.Instance(user, password)
	if user == AlibabaUser && password == AlibabaPassword {
		id = service[strings.LastIndexByte(service, ':')+1:]
	}
	if r.Method != http.MethodGet || r.URL.Path != "/auth" || id == "" || !strings.HasSuffix(service, ":"+id) {
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return
	}
	token := random()
	a.mu.Lock()
	a.tokens["bearer "+token] = id
	a.mu.Unlock()
	answer(w, map[string]any{"token": token, "expires_in": 300})
}
