// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Names in the Secrets, and of the files.
const (
	caFile           = "ca.crt"
	certificateFile  = corev1.TLSCertKey
	keyFile          = corev1.TLSPrivateKeyKey
	gatekeeperCAFile = "gatekeeper-ca.crt"
)

// cluster is what is asked of the API server.
type cluster struct {
	reader client.Reader // not a cache
	writer client.Writer
}

// ensureSecret makes the Secret, empty, unless it is there: cert-controller fills
// Secrets, but makes none.
func (c cluster) ensureSecret(ctx context.Context, name types.NamespacedName) error {
	switch _, err := c.secret(ctx, name); {
	case err == nil:
		return nil
	case !apierrors.IsNotFound(err):
		return err
	}
	err := c.writer.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{certificateFile: {}, keyFile: {}}, // which the type demands
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make Secret %s: %w", name, err)
	}
	return nil
}

func (c cluster) secret(ctx context.Context, name types.NamespacedName) (*corev1.Secret, error) {
	s := &corev1.Secret{}
	if err := c.reader.Get(ctx, name, s); err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return s, nil
}

// bundles are the CAs, in PEM, that Gatekeeper trusts as each Provider. One that is not
// there is left out: nobody asks by it.
func (c cluster) bundles(ctx context.Context, providers []string) ([][]byte, error) {
	var bundles [][]byte
	for _, name := range providers {
		p := &unstructured.Unstructured{}
		p.SetGroupVersionKind(schema.GroupVersionKind{Group: "externaldata.gatekeeper.sh", Version: "v1beta1", Kind: "Provider"})
		err := c.reader.Get(ctx, types.NamespacedName{Name: name}, p)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read Provider %s: %w", name, err)
		}
		encoded, _, _ := unstructured.NestedString(p.Object, "spec", "caBundle") // what is no text trusts nobody
		bundle, _ := base64.StdEncoding.DecodeString(encoded)
		bundles = append(bundles, bundle)
	}
	return bundles, nil
}
