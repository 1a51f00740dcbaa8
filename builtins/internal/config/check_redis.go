// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// minHMACKeyBytes is the size of the MAC: a shorter key is easier to guess.
//
// Spec: RFC 2104, section 3.
const minHMACKeyBytes = sha256.Size

func (r *Redis) check(d *decoder, path string) {
	r.CertificateAuthorities = loadCAFile(d, path+".ca_file", r.CAFile)
	for _, f := range []struct{ name, file string }{
		{"cert_file", r.CertFile}, {"key_file", r.KeyFile}, {"password_file", r.PasswordFile}, {"hmac_key_file", r.HMACKeyFile},
	} {
		if raw := r.readFile(d, path+"."+f.name, f.file); f.name == "hmac_key_file" {
			r.HMACKey = bytes.TrimSpace(raw)
		}
	}
	if len(r.HMACKey) > 0 && len(r.HMACKey) < minHMACKeyBytes {
		d.report(path+".hmac_key_file", "%s holds %d bytes; write %d or more that nobody can guess, as openssl rand -base64 32 does",
			quote(r.HMACKeyFile), len(r.HMACKey), minHMACKeyBytes)
	}
	if (r.CertFile == "") != (r.KeyFile == "") {
		d.report(path, "needs cert_file and key_file together")
	}
	if r.Username != "" && r.PasswordFile == "" {
		d.missing(path, "password_file", "the file with the password of username")
	}
	if r.URL == "" {
		return
	}
	server, problem := parseRedis(r.URL)
	if problem != "" {
		d.report(path+".url", "%s", problem)
		return
	}
	if !server.TLS && (r.CAFile != "" || r.CertFile != "") {
		d.report(path+".url", "is without TLS, beside files for TLS; write rediss://, or remove ca_file and cert_file")
	}
	r.Server = &server
}

// readFile returns the content of a file that must hold something.
func (r *Redis) readFile(d *decoder, path, file string) []byte {
	switch {
	case file == "":
		return nil
	case r.URL == "":
		d.report(path, "is set without a url; write redis.url, or remove it")
		return nil
	}
	raw, err := readFile(file)
	if err == nil && len(bytes.TrimSpace(raw)) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		d.report(path, "%s: %v", quote(file), err)
	}
	return raw
}

// parseRedis returns what a URL says, or what is wrong with it. The URL is not
// repeated: it may hold a password.
func parseRedis(raw string) (server RedisServer, problem string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "redis" && u.Scheme != "rediss":
		return server, "is not a URL of Redis; write redis://HOST:PORT/DATABASE or rediss://HOST:PORT/DATABASE"
	case u.User != nil:
		return server, "holds user information before an @; write username and password_file"
	case u.RawQuery != "" || u.Fragment != "":
		return server, "has parameters; write the settings beside url"
	}
	server = RedisServer{Host: u.Hostname(), Address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379")), TLS: u.Scheme == "rediss"}
	if database := strings.Trim(u.Path, "/"); database != "" {
		server.Database, err = strconv.Atoi(database)
		if err != nil || server.Database < 0 {
			return server, quote(u.Path) + " is not the number of a database; write redis://HOST:PORT/0"
		}
	}
	return server, ""
}
