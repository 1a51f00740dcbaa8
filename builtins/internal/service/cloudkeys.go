// SPDX-License-Identifier: Apache-2.0

package service

import (
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/alibabacloudkms"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/awskms"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/azurekeyvault"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/gcpkms"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

func azureKeys(c *config.AzureKeys, d Deps) (keys.Source, error) {
	o := azureOptions(c)
	o.Identity = d.clouds.azure(c.Identity)
	return azurekeyvault.New(o)
}

// azureOptions lack the identity.
func azureOptions(c *config.AzureKeys) azurekeyvault.Options {
	return azurekeyvault.Options{VaultURI: c.VaultURI, Certificates: azureObjects(c.Certificates), Keys: azureObjects(c.Keys)}
}

// azureObjects joins the entries of one name, by which Ratify's users list versions.
func azureObjects(configured []config.AzureObject) []azurekeyvault.Object {
	var all []azurekeyvault.Object
	for _, c := range configured {
		versions := versionsOf(c.Version, c.Versions)
		if versions == nil {
			versions = []string{azurekeyvault.Latest}
		}
		i := slices.IndexFunc(all, func(o azurekeyvault.Object) bool { return o.Name == c.Name })
		if i < 0 {
			all = append(all, azurekeyvault.Object{Name: c.Name, Versions: versions})
			continue
		}
		all[i].Versions = append(all[i].Versions, versions...)
	}
	return all
}

// versionsOf are the versions of an entry, which has one or several; nil: it has none.
func versionsOf(version string, versions []string) []string {
	if version != "" {
		return []string{version}
	}
	return slices.Clone(versions)
}

func alibabaKeys(c *config.AlibabaKeys, d Deps) (keys.Source, error) {
	client, sessions, err := d.clouds.alibabaCloud(c.Identity)
	if err != nil {
		return nil, err
	}
	if len(c.CertificateAuthorities) > 0 { // the gateway of a dedicated instance
		roots, err := withAuthorities(c.CertificateAuthorities)
		if err != nil {
			return nil, err
		}
		transport := outbound.NewTransport(outbound.Options{RootCAs: roots, IdlePerHost: 1})
		if client, err = alibabacloud.New(alibabacloud.Options{Transport: transport, Now: d.Now}); err != nil {
			return nil, err
		}
	}
	return alibabacloudkms.New(alibabacloudkms.Options{
		Client: client, Sessions: sessions, Region: c.Region, Endpoint: c.Endpoint, VPC: c.VPC,
		Keys: alibabaItems(c.Keys), Secrets: alibabaItems(c.Secrets), Certificates: alibabaItems(c.Certificates),
	}), nil
}

func alibabaItems(configured []config.AlibabaItem) []alibabacloudkms.Item {
	all := make([]alibabacloudkms.Item, len(configured))
	for i, c := range configured {
		all[i] = alibabacloudkms.Item{ID: c.ID, Name: c.Name, Versions: versionsOf(c.Version, c.Versions)}
	}
	return all
}

func awsKeys(c *config.AWSKeys, d Deps) (keys.Source, error) {
	o := awskms.Options{Region: c.Region, Identity: d.clouds.aws(c.Identity)}
	for _, k := range c.Keys {
		o.Keys = append(o.Keys, awskms.Key{Name: k.Name, ID: k.ID})
	}
	return awskms.New(o)
}

func googleKeys(c *config.GoogleKeys, d Deps) (keys.Source, error) {
	o := gcpkms.Options{Identity: d.clouds.google()}
	for _, k := range c.Keys {
		o.Keys = append(o.Keys, gcpkms.Key{Name: k.Name, ID: k.ID})
	}
	return gcpkms.New(o)
}
