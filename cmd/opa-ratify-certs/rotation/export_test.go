// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/transport"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// OneSecret lets tests see requests narrowed.
func OneSecret(secret types.NamespacedName) transport.WrapperFunc { return oneSecret(secret) }

// KeepFormer wraps a client as [Run] does.
func (o Options) KeepFormer(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{Update: formerCAs{o}.update})
}

// Step follows the cluster once, at a time of the test's.
func Step(o Options, c client.Client) func(context.Context, time.Time) (bool, error) {
	f := &follower{options: o, api: cluster{c, c}, log: logr.Discard()}
	return f.step
}
