# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signed as the Notary trust policy demands
# description: Trust policy and trust stores stand in data.yaml.
package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": {"notation": data.trust.notation}})

reasons contains e.message if some e in report.errors
