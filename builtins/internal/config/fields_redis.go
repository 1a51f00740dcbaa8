// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Redis is a server that replicas share, of Redis or what speaks its protocol. It
// is not trusted: contents are hashed again, the rest is authenticated.
type Redis struct {
	// URL is redis://HOST:PORT/DATABASE, or rediss:// for TLS; without TLS the password is sent in the clear. Empty: no server.
	URL string `yaml:"url"`
	// CAFile is a PEM file of CAs trusted beside the system's, read when the configuration is loaded. Empty: none.
	CAFile string `yaml:"ca_file"`
	// CertFile is a PEM file of the certificate to present, read for every connection. Empty: none.
	CertFile string `yaml:"cert_file"`
	// KeyFile is a PEM file of its private key. Required with cert_file.
	KeyFile string `yaml:"key_file"`
	// Username of an ACL. Empty: the default user.
	Username string `yaml:"username"`
	// PasswordFile holds the password, read for every connection. Empty: none.
	PasswordFile string `yaml:"password_file"`
	// HMACKeyFile holds 32 bytes or more that nobody can guess, the same for all replicas, read when the configuration is loaded; with it tags and lists of referrers are shared, too, for what is left of their TTL. Empty: only contents that a digest names.
	HMACKeyFile string `yaml:"hmac_key_file"`
	// Prefix begins every key. Replicas that share it should have the same credentials.
	Prefix string `yaml:"prefix"`
	// Timeout bounds one question, with connecting; once one was not answered the server is asked by background probes only, until it answers.
	Timeout time.Duration `yaml:"timeout"`
	// Connections bounds the connections of this process.
	Connections int `yaml:"connections"`
	// ValueBytes bounds one value; what is larger is not shared.
	ValueBytes Bytes `yaml:"value_bytes"`

	// Server is what URL says; nil without.
	Server *RedisServer `yaml:"-"`
	// HMACKey is the content of HMACKeyFile without the space around it; nil without.
	HMACKey []byte `yaml:"-"`
	// CertificateAuthorities is the content of CAFile, checked PEM; nil without.
	CertificateAuthorities []byte `yaml:"-"`
}

// RedisServer is where a server of Redis is.
type RedisServer struct {
	// Host is without a port.
	Host string
	// Address is host:port.
	Address string
	// Database is its number.
	Database int
	// TLS is to be used.
	TLS bool
}
