# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Findings
# description: How a rule says what it found.
package lint.finding

# METADATA
# title: A finding
# description: |
#   Given `rego.metadata.chain()` of the rule, a location {"file", "row", "col"} and
#   what is there, the finding: name, severity, the reason why it is a mistake and
#   the remedy come from the METADATA of the package.
of(chain, location, what) := {
	"rule": name,
	"severity": about.custom.severity,
	"message": sprintf("%s: %s", [what, _line(about.description)]),
	"remedy": _line(about.custom.remedy),
	"location": location,
} if {
	some entry in chain
	about := entry.annotations
	about.scope == "package"
	name := object.get(about.custom, "name", replace(regex.replace(concat(".", entry.path), `^.*\.`, ""), "_", "-"))
}

_line(text) := trim_space(regex.replace(text, `\s+`, " "))
