// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

// The sizes of what is read most: an envelope or a manifest, and a large SBOM.
var sizes = []int{2 << 10, 4 << 20}

func BenchmarkGet(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			o, content := disk.Options{Dir: b.TempDir()}, string(bytes.Repeat([]byte("x"), size))
			put(b, o, key, content)
			d, want := open(b, o), digest.FromString(content)
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, ok := d.Get(b.Context(), key, want, int64(size)); !ok {
					b.Fatal("missed")
				}
			}
		})
	}
}

func BenchmarkMiss(b *testing.B) {
	d, want := open(b, disk.Options{Dir: b.TempDir()}), digest.FromString("a content")
	for b.Loop() {
		if _, ok := d.Get(b.Context(), key, want, 9); ok {
			b.Fatal("hit")
		}
	}
}

// What a verification waits for: not the disk.
func BenchmarkPut(b *testing.B) {
	d, content := open(b, disk.Options{Dir: b.TempDir()}), make([]byte, 2<<10)
	want := digest.FromBytes(content)
	for i := 0; b.Loop(); i++ {
		d.Put(fmt.Sprint(i), want, content)
	}
}

// What the disk takes until it is written, eviction included.
func BenchmarkWrite(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			e := newEvents()
			d := open(b, disk.Options{Dir: b.TempDir(), MaxEntries: 100, Observe: e.observe})
			content := make([]byte, size)
			want := digest.FromBytes(content)
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				d.Put(fmt.Sprint(i), want, content)
				e.wait(b, disk.Stored, i+1)
			}
		})
	}
}
