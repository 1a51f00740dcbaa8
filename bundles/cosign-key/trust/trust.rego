# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signed by the release key
# description: Which key that is stands in data.yaml.
package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release_key})

reasons contains e.message if some e in report.errors
