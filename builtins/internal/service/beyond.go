// SPDX-License-Identifier: Apache-2.0

package service

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/redis"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// beyond is what keeps evidence beyond the memory of the process.
type beyond struct {
	tiers []evidence.Tier
	facts evidence.Facts
	close func() error

	why atomic.Pointer[error] // the server does not answer; nil: it does, or there is none
}

func (b *beyond) fault() error {
	if why := b.why.Load(); why != nil {
		return *why
	}
	return nil
}

// newBeyond opens the directory and the server that are configured, the nearer
// first. Evidence that is captured or replayed comes from its one source.
func newBeyond(c *config.Config, d Deps) (*beyond, error) {
	b := &beyond{close: func() error { return nil }}
	if d.Evidence != nil || d.Recorder != nil {
		return b, nil
	}
	if c.Cache.Directory != "" {
		directory, err := newDirectory(c, d)
		if err != nil {
			return nil, err
		}
		b.tiers, b.close = append(b.tiers, directory), directory.Close
	}
	if c.Cache.Redis.Server == nil {
		return b, nil
	}
	client, err := b.newRedis(c.Cache.Redis, d)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	closeDirectory := b.close
	b.tiers, b.facts = append(b.tiers, client), client.Facts()
	b.close = func() error {
		client.Close()
		return closeDirectory()
	}
	return b, nil
}

func newDirectory(c *config.Config, d Deps) (*disk.Directory, error) {
	directory, err := disk.Open(disk.Options{
		Dir: c.Cache.Directory, MaxBytes: int64(c.Cache.DirectoryBytes), Warn: d.Warn, Now: d.Now,
		Observe: func(e disk.Event) { d.Metrics.Tier("directory", string(e)) },
		Resized: func(delta int64) { d.Metrics.CacheBytes("directory", delta) },
	})
	if err != nil {
		return nil, fmt.Errorf("plugins.ratify.cache.directory: %w", err)
	}
	return directory, nil
}

func (b *beyond) newRedis(c config.Redis, d Deps) (*redis.Client, error) {
	secured, err := redisTLS(c)
	if err != nil {
		return nil, fmt.Errorf("plugins.ratify.cache.redis: %w", err)
	}
	return redis.Open(redis.Options{
		Address: c.Server.Address, Database: c.Server.Database, TLS: secured, Dial: outbound.Policy{}.Dialer(redisDialTimeout),
		Username: c.Username, PasswordFile: c.PasswordFile, Key: c.HMACKey, Prefix: c.Prefix,
		Timeout: c.Timeout, Connections: c.Connections, MaxValueBytes: int64(c.ValueBytes),
		Observe: func(what string, e redis.Event) { d.Metrics.Tier(what, string(e)) },
		Changed: func(err error) { b.changed(err, d) },
	}), nil
}

// changed tells whether the server answers now.
func (b *beyond) changed(err error, d Deps) {
	d.Metrics.CacheUp(redis.Contents, err == nil)
	if err == nil {
		b.why.Store(nil)
	} else {
		err = fmt.Errorf("plugins.ratify.cache.redis: %w", err)
		b.why.Store(&err)
		if d.Warn != nil {
			d.Warn(err)
		}
	}
	if d.CacheChanged != nil {
		d.CacheChanged()
	}
}

// redisDialTimeout is for background probes; requests have less.
const redisDialTimeout = time.Second

// redisTLS is how TLS is spoken, nil if it is not.
func redisTLS(c config.Redis) (*tls.Config, error) {
	if !c.Server.TLS {
		return nil, nil //nolint:nilnil // no TLS
	}
	roots, err := withAuthorities(c.CertificateAuthorities)
	if err != nil {
		return nil, err
	}
	secured := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: c.Server.Host}
	if c.CertFile != "" {
		secured.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			return &pair, err
		}
	}
	return secured, nil
}
