// SPDX-License-Identifier: Apache-2.0

package rootfs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/cmd/image/rootfs"
)

func TestBaseLayer(t *testing.T) {
	t.Parallel()
	layer, err := rootfs.Base()
	if err != nil {
		t.Fatal(err)
	}
	names, files := unpack(t, layer)
	want := []string{
		"drwxr-xr-x 0:0 etc/",
		"-rw-r--r-- 0:0 etc/group",
		"-rw-r--r-- 0:0 etc/passwd",
		"drwxr-xr-x 0:0 etc/ssl/",
		"drwxr-xr-x 0:0 etc/ssl/certs/",
		"-rw-r--r-- 0:0 etc/ssl/certs/ca-certificates.crt",
		"drwxr-xr-x 0:0 home/",
		"drwx------ 65532:65532 home/nonroot/",
		"dtrwxrwxrwx 0:0 tmp/",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(files["etc/passwd"]), "\nnonroot:x:65532:65532:nonroot:/home/nonroot:") {
		t.Errorf("/etc/passwd does not know user 65532:\n%s", files["etc/passwd"])
	}
}

// TestAuthorities reads the certificates as Go's TLS does.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	layer, err := rootfs.Base()
	if err != nil {
		t.Fatal(err)
	}
	_, files := unpack(t, layer)
	subjects := map[string]bool{}
	for rest := files["etc/ssl/certs/ca-certificates.crt"]; len(rest) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatalf("no certificate in %q", rest)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !certificate.IsCA {
			t.Errorf("%s is no authority", certificate.Subject)
		}
		subjects[certificate.Subject.CommonName] = true
	}
	if len(subjects) < 80 || !subjects["ISRG Root X1"] {
		t.Errorf("%d authorities, ISRG Root X1 among them: %v", len(subjects), subjects["ISRG Root X1"])
	}
	// Mozilla trusts it only for certificates from before April 2026.
	if subjects["Izenpe.com"] {
		t.Error("Izenpe.com is trusted without the limit that Mozilla sets it")
	}
}

// TestBinaryLayer packs one program from two files with other names, modes and times.
func TestBinaryLayer(t *testing.T) {
	t.Parallel()
	var layers []rootfs.Layer
	for i, mode := range []os.FileMode{0o700, 0o600} {
		path := filepath.Join(t.TempDir(), fmt.Sprint("program", i))
		if err := os.WriteFile(path, []byte("a program"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
		layer, err := rootfs.Binary(path, rootfs.Program)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
	}
	if diff := cmp.Diff(layers[0], layers[1]); diff != "" {
		t.Errorf("layers (-first +second):\n%s", diff)
	}
	names, files := unpack(t, layers[0])
	if diff := cmp.Diff([]string{"-rwxr-xr-x 0:0 opa-ratify"}, names); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if got := string(files["opa-ratify"]); got != "a program" {
		t.Errorf("program %q", got)
	}
}

// unpack reads a layer and holds it against its descriptor.
func unpack(t *testing.T, layer rootfs.Layer) (names []string, files map[string][]byte) {
	t.Helper()
	if got := digest.FromBytes(layer.Content); got != layer.Descriptor.Digest || int64(len(layer.Content)) != layer.Descriptor.Size {
		t.Errorf("descriptor %v of %d bytes with %s", layer.Descriptor, len(layer.Content), got)
	}
	zip, err := gzip.NewReader(bytes.NewReader(layer.Content))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest.FromBytes(archive); got != layer.DiffID {
		t.Errorf("diff ID %s, want %s", layer.DiffID, got)
	}
	files = map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return names, files
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%s %d:%d %s", header.FileInfo().Mode(), header.Uid, header.Gid, header.Name))
		if files[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}
