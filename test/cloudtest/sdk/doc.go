// SPDX-License-Identifier: Apache-2.0

// Package sdk lets the development kits of Azure and AWS judge the stand-ins of
// test/cloudtest: what the vendor's client accepts and sends is what ours is tested
// with. It is a module of its own, so that the product does not depend on them.
package sdk
