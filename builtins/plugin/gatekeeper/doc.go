// SPDX-License-Identifier: Apache-2.0

// Package gatekeeper serves Gatekeeper's external-data protocol on OPA's own
// listener: which images may run, and by which digest.
//
//	POST /ratify/gatekeeper/v1|v2/verify|mutate
//
//	body ──guard──▶ request ──keys──▶ questions ──evaluate──▶ outcomes ──▶ response
//	       bounded  strict            distinct,   one read               items in the order
//	                                  strict      transaction            of the request
//
// The client of Gatekeeper does not look at the HTTP status: any JSON object is
// a response, and one without items and without systemError says nothing about
// the image, which many constraint templates read as "no objection". So whatever
// goes wrong here, before or behind the routes, is answered by a well-formed
// response whose systemError says what it was.
//
// A decision is what the rule data.ratify.gatekeeper.item makes of one key.
// Gatekeeper keeps items for minutes, errors too, but never a systemError: a key
// that could not be decided for a passing reason gets no item (mutation, where
// every key needs one, is refused as a whole by the systemError).
//
// The rule is evaluated anew for every key of every request. What makes that
// cheap is around it: an evaluation goes to OPA's topdown directly, with memory
// and stacks that were used before ([scratch], [crew]); functions of the library
// that look at nothing but their operands, such as the one that puts a report into
// Ratify's shapes, are remembered by their operands ([memo]); and JSON is written
// from the policy's terms.
//
// Spec: https://open-policy-agent.github.io/gatekeeper/website/docs/externaldata
package gatekeeper
