// SPDX-License-Identifier: Apache-2.0

// Package alibabacloudacr gives credentials of Alibaba Cloud Container Registry.
//
//	host ──grammar──▶ edition, instance name, region ──▶ instance id ──▶ token, valid an hour at most
//
// A host is a registry of Container Registry by an anchored grammar, or because
// the operator named it and its instance ([Options.Hosts]): a host that only looks
// like one gets nothing. The token dies with the session it was asked with.
//
// Nothing here was run against the live service. Whether it gives tokens for
// instances of the Personal Edition made since September 2024 ("crpi-…") by the
// API of the Enterprise Edition is not documented; it is asked that way.
package alibabacloudacr
