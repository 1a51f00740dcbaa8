// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"net/url"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// redacted stands for the value of a variable that a policy may not read.
const redacted = "[redacted]"

// hideSecrets wraps opa.runtime, which shows every policy the whole environment
// (open-policy-agent/opa#4156): values of variables that look like secrets are
// replaced. OPA itself still sees them, so "${TOKEN}" in its configuration
// works.
func hideSecrets() {
	original := topdown.GetBuiltin(ast.OPARuntime.Name)
	topdown.RegisterBuiltinFunc(ast.OPARuntime.Name, func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		return original(bctx, operands, func(t *ast.Term) error { return iter(withoutSecrets(t)) })
	})
}

func withoutSecrets(runtime *ast.Term) *ast.Term {
	object, ok := runtime.Value.(ast.Object)
	if !ok {
		return runtime
	}
	copied, err := object.Map(func(k, v *ast.Term) (*ast.Term, *ast.Term, error) {
		if k.Value.Compare(ast.String("env")) == 0 {
			v = redactEnvironment(v)
		}
		return k, v, nil
	})
	if err != nil {
		return ast.ObjectTerm() // nothing rather than too much
	}
	return ast.NewTerm(copied)
}

func redactEnvironment(env *ast.Term) *ast.Term {
	object, ok := env.Value.(ast.Object)
	if !ok {
		return ast.ObjectTerm()
	}
	copied, err := object.Map(func(k, v *ast.Term) (*ast.Term, *ast.Term, error) {
		name, _ := k.Value.(ast.String)
		value, _ := v.Value.(ast.String)
		if secret(string(name), string(value)) {
			v = ast.StringTerm(redacted)
		}
		return k, v, nil
	})
	if err != nil {
		return ast.ObjectTerm()
	}
	return ast.NewTerm(copied)
}

// secret errs on the side of hiding: what a policy needs belongs in data.
func secret(name, value string) bool {
	name = strings.ToUpper(name)
	for _, hint := range []string{"SECRET", "TOKEN", "PASSW", "CREDENTIAL", "APIKEY", "PRIVATE"} {
		if strings.Contains(name, hint) {
			return true
		}
	}
	if name == "PWD" { // the working directory
		return false
	}
	for word := range strings.SplitSeq(name, "_") {
		switch word {
		case "KEY", "PASS", "PWD", "PAT", "AUTH", "CRED", "CREDS", "COOKIE", "SESSION", "SIGNATURE":
			return true
		}
	}
	u, err := url.Parse(value)
	return err == nil && u.User != nil // a proxy's password, for one
}
