# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Licence expressions
# description: |
#   Reads SPDX licence expressions: AND, OR, WITH, "+", parentheses. Identifiers are
#   compared without case, and `GPL-2.0` and `GPL-2.0+` are `GPL-2.0-only` and
#   `GPL-2.0-or-later`, which replace them.
# related_resources:
#   - ref: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
#     description: SPDX v2.3, annex D
package ratify.license

# METADATA
# title: Whether nothing is known about a licence
# scope: document
# description: True for `NOASSERTION`, `NONE`, "" and what is no string; else false.
default is_unknown(_) := true

is_unknown(expression) := trim_space(upper(expression)) in {"", "NONE", "NOASSERTION"}

# METADATA
# title: Whether an expression can be kept with allowed licences
# scope: document
# description: |
#   True if the expression, or all licences that one has to keep, are in the list: both
#   sides of an AND, one side of an OR. A licence that is allowed is so WITH any exception,
#   because exceptions only permit more; an exception alone is not allowed by name. False
#   for what is no expression, or has more than 8 levels of parentheses.
default is_allowed(_, _) := false

is_allowed(expression, allowed) if {
	trim_space(lower(expression)) in {lower(entry) | some entry in allowed}
}

is_allowed(expression, allowed) if {
	forms := {_canonical(replace(lower(entry), " with ", "_with_")) | some entry in allowed}
	truths := [_truth(token, forms) | some token in _tokens(expression)]
	_reduced(concat("", truths)) == "T"
}

_tokens(expression) := [token |
	joined := regex.replace(lower(expression), `\s+with\s+`, "_with_")
	spaced := regex.replace(joined, `[()]`, " $0 ")
	some token in regex.split(`\s+`, spaced)
	token != ""
]

# Of every licence T or F: whether it is allowed. "?" is none.
_truth(token, forms) := truth if {
	truth := {"and": "&", "or": "|", "(": "(", ")": ")"}[token]
} else := "T" if {
	_is_license(token)
	some form in [token, split(token, "_with_")[0]]
	_canonical(form) in forms
} else := "F" if {
	_is_license(token)
} else := "?"

_is_license(token) if {
	regex.match(`^(?:documentref-[a-z0-9.-]+:)?[a-z0-9.-]+\+?(?:_with_[a-z0-9.:-]+)?$`, token)
}

# One level of parentheses after the other. What is no expression does not get down to
# one letter.
_reduced(text) := _round(_round(_round(_round(_round(_round(_round(_round(_round(text)))))))))

# AND binds tighter than OR; OR is seen to only where nothing else is left.
_round(text) := e if {
	a := regex.replace(text, `(?:[TF]&)*F(?:&[TF])*`, "F")
	b := regex.replace(a, `T(?:&T)+`, "T")
	c := regex.replace(b, `(^|\()(?:[TF]\|)*T(?:\|[TF])*(\)|$)`, "${1}T${2}")
	d := regex.replace(c, `(^|\()F(?:\|F)+(\)|$)`, "${1}F${2}")
	e := regex.replace(d, `\(([TF])\)`, "$1")
}

# The licences of GNU have new names for the same thing.
_canonical(id) := sprintf("%s-only", [id]) if {
	regex.match(`^(?:a|l)?gpl-[0-9.]+$|^gfdl-[0-9.]+$`, id)
} else := sprintf("%s-or-later", [trim_suffix(id, "+")]) if {
	regex.match(`^(?:(?:a|l)?gpl|gfdl)-[0-9.]+\+$`, id)
} else := id

# METADATA
# title: Denied licences that an expression mentions
# description: |
#   The set of the entries of a list that the expression mentions anywhere, on whatever side of an
#   OR, as a whole word: `MIT` is not in `MIT-0`. Works for what is no expression, too.
#   These are the verdicts of Ratify's `sbom` verifier, which compares words; beyond them
#   `GPL-2.0` is found in `GPL-2.0+`, under its newer names, and where commas or slashes
#   separate.
denied(expression, entries) := {entry |
	text := _words(expression)
	words := {form | some word in split(trim_space(text), " "); some form in _forms(word)}
	some entry in entries
	_is_mentioned(_words(entry), text, words)
}

_is_mentioned(entry, text, _) if contains(text, entry)

_is_mentioned(entry, _, words) if _canonical(trim_space(entry)) in words

# Words between single spaces, and one more space at either end.
_words(text) := sprintf(" %s ", [trim_space(regex.replace(lower(text), `[\s()/,;|&]+`, " "))])

_forms(word) := {word, _canonical(word), _canonical(trim_suffix(word, "+"))}
