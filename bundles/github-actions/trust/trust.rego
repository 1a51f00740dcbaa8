# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Built by our GitHub workflow
# description: Which repository, workflow and ref that is stands in data.yaml.
package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.build})

reasons contains e.message if some e in report.errors
