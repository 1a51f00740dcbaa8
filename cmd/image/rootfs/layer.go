// SPDX-License-Identifier: Apache-2.0

// Package rootfs makes the file system of the image: what every platform shares, and
// the binary. There is no shell and no libc in it; the binary is static.
//
// The same input makes the same bytes with the same Go toolchain: files have no time,
// no owner's name and a fixed order.
//
// Spec: OCI image v1.1.1, "Image Layer Filesystem Changeset".
package rootfs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Program is the path of the binary that the image runs.
const Program = "/opa-ratify"

// Layer is one layer of an image.
type Layer struct {
	// Content is the layer, a compressed archive.
	Content []byte
	// Descriptor is of Content.
	Descriptor ocispec.Descriptor
	// DiffID is the digest of the archive before compression.
	DiffID digest.Digest
}

// entry is a file or, without content, a directory.
type entry struct {
	name    string // ends in a slash for a directory
	mode    fs.FileMode
	owner   int // user and group
	size    int64
	content io.Reader
}

// Base makes the layer that every platform and version shares: users, certificate
// authorities, and the home of user 65532.
func Base() (Layer, error) {
	files := []entry{
		directory("etc/", 0o755, 0),
		file("etc/group", groups),
		file("etc/passwd", users),
		directory("etc/ssl/", 0o755, 0),
		directory("etc/ssl/certs/", 0o755, 0),
		file(AuthoritiesFile[1:], Authorities()),
		directory("home/", 0o755, 0),
		directory("home/nonroot/", 0o700, User),
		directory("tmp/", fs.ModeSticky|0o777, 0),
	}
	return pack(files)
}

// Binary makes the layer with a program, which it reads from path and puts at name, such
// as [Program].
func Binary(path, name string) (Layer, error) {
	f, err := os.Open(path)
	if err != nil {
		return Layer{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Layer{}, err
	}
	layer, err := pack([]entry{{name: name[1:], mode: 0o755, size: info.Size(), content: f}})
	if err != nil {
		return Layer{}, fmt.Errorf("pack %s: %w", path, err)
	}
	return layer, nil
}

func directory(name string, mode fs.FileMode, owner int) entry {
	return entry{name: name, mode: fs.ModeDir | mode, owner: owner, content: bytes.NewReader(nil)}
}

func file(name string, content []byte) entry {
	return entry{name: name, mode: 0o644, size: int64(len(content)), content: bytes.NewReader(content)}
}

func pack(files []entry) (Layer, error) {
	var compressed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return Layer{}, err
	}
	uncompressed := sha256.New()
	archive := tar.NewWriter(io.MultiWriter(zip, uncompressed))
	for _, e := range files {
		if err := add(archive, e); err != nil {
			return Layer{}, fmt.Errorf("add %s: %w", e.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return Layer{}, err
	}
	if err := zip.Close(); err != nil {
		return Layer{}, err
	}
	content := compressed.Bytes()
	return Layer{
		Content: content,
		Descriptor: ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(content), Size: int64(len(content)),
		},
		DiffID: digest.NewDigest(digest.SHA256, uncompressed),
	}, nil
}

func add(archive *tar.Writer, e entry) error {
	header := &tar.Header{
		Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Name: e.name, Size: e.size,
		Mode: int64(e.mode.Perm()), Uid: e.owner, Gid: e.owner, ModTime: time.Unix(0, 0),
	}
	if e.mode.IsDir() {
		header.Typeflag = tar.TypeDir
	}
	if e.mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(archive, e.content)
	return err
}
