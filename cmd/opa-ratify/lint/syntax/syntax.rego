# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: What policies say
# description: |
#   The syntax of the policies in `input.modules`, as rules ask about it. Tests are
#   left out: they may replace, compare and skip what they like.
package lint.syntax

# METADATA
# title: Rules that decide
# description: |
#   An array of {"file", "package", "name", "rule", "refs", "calls"}: every rule of
#   the policies, with all references in it (nodes of the syntax tree) and all calls,
#   {"name", "args", "node"}. Operators are calls: `equal` (==), `eq` (=), `neq`,
#   `assign` (:=).
decisions := [decision |
	some module in input.modules
	not module.test
	some described in module.ast.rules
	rule := object.remove(described, ["annotations"])
	name := rule.head.ref[0].value
	not startswith(name, "test_")
	decision := {
		"file": module.file,
		"package": dotted(module.ast["package"].path),
		"name": name,
		"rule": rule,
		"refs": [node | walk(rule, [_, node]); node.type == "ref"],
		"calls": array.concat(_inner_calls(rule), _outer_calls(rule)),
	}
]

_inner_calls(rule) := [call |
	walk(rule, [_, node])
	node.type == "call"
	call := {"name": dotted(node.value[0].value), "args": _rest(node.value), "node": node}
]

_outer_calls(rule) := [call |
	walk(rule, [_, node])
	is_array(node.terms)
	call := {"name": dotted(node.terms[0].value), "args": _rest(node.terms), "node": node}
]

_rest(list) := array.slice(list, 1, count(list))

# METADATA
# title: Negated expressions
# description: The array of the expressions in a decision that follow a `not`.
negated(decision) := [node | walk(decision.rule, [_, node]); node.negated == true]

# METADATA
# title: A path with dots
# description: Given the parts of a reference, `a.b.c`; parts that are no constants are `[_]`.
dotted(parts) := concat(".", [_part(part) | some part in parts])

_part(part) := part.value if part.type in {"string", "var"}

else := "[_]"

# METADATA
# title: Where a node is
# description: Given a decision and a node of its syntax tree, {"file", "row", "col"}.
at(decision, node) := {
	"file": decision.file,
	"row": object.get(node, ["location", "row"], 0),
	"col": object.get(node, ["location", "col"], 0),
}

# METADATA
# title: How a node is written
# description: The source of a node between backquotes, on one line, at most 80 characters.
text(node) := sprintf("`%s`", [_short(trim_space(regex.replace(source, `\s+`, " ")))]) if {
	source := base64.decode(object.get(node, ["location", "text"], ""))
}

_short(line) := line if count(line) <= 80

_short(line) := sprintf("%s…", [substring(line, 0, 79)]) if count(line) > 80

# METADATA
# title: What a reference ends in
# description: The last part of a reference if it is a constant, else "".
last(ref) := ref.value[count(ref.value) - 1].value if {
	ref.type == "ref"
	ref.value[count(ref.value) - 1].type == "string"
}

else := ""

# METADATA
# title: Elements of lists
# description: |
#   For a decision and the names of lists, the array of {"name", "ref", "var"}: where
#   it takes elements of such a list into a variable, by `some x in …`, `every x in …`
#   or `x := …[_]`.
elements(decision, lists) := array.flatten([
	_iterated(decision, lists),
	_every(decision, lists),
	_assigned(decision, lists),
])

_iterated(decision, lists) := [{"name": last(list), "ref": list, "var": variable.value} |
	some call in decision.calls
	call.name in {"internal.member_2", "internal.member_3"}
	list := call.args[count(call.args) - 1]
	last(list) in lists
	variable := call.args[count(call.args) - 2]
	variable.type == "var"
]

_every(decision, lists) := [{"name": last(node.domain), "ref": node.domain, "var": node.value.value} |
	walk(decision.rule, [_, node])
	last(node.domain) in lists
]

_assigned(decision, lists) := [{"name": name, "ref": list, "var": call.args[0].value} |
	some call in decision.calls
	call.name in {"assign", "eq"}
	call.args[0].type == "var"
	list := call.args[1]
	list.type == "ref"
	name := list.value[count(list.value) - 2].value
	name in lists
]

# METADATA
# title: Rules that an answer depends on
# description: |
#   The names of the rules in a package that the rules called `roots` depend on, and
#   of these; of all rules if there is no root.
reachable(package_, roots) := graph.reachable(_dependencies[package_], present) if {
	present := roots & object.keys(_dependencies[package_])
	count(present) > 0
} else := object.keys(_dependencies[package_])

_dependencies[package_] := {name: needs |
	some name in names
	needs := {node.value |
		some decision in decisions
		decision["package"] == package_
		decision.name == name
		walk(decision.rule, [_, node])
		node.type == "var"
		node.value in names
	}
} if {
	some package_, names in _names
}

_names[package_] contains decision.name if {
	some decision in decisions
	package_ := decision["package"]
}

# METADATA
# scope: document
# title: Rules that admit or refuse
# description: The names of rules that clients ask for a decision.
answers contains "allow"

answers contains decision.name if {
	some decision in decisions
	refuses(decision.name)
}

# METADATA
# title: Rules that refuse
# description: True for names such as `deny` and `violation`.
refuses(name) if regex.match(`^(deny|denied|violations?|(reject|forbid|block|refuse)(ed|d|den)?)(_.*)?$`, name)

# METADATA
# title: Calls that verify
# description: The built-ins that take a trust document.
verifying := {"ratify.verify", "ratify.verify_all", "ratify.verify_blob", "ratify.attestations", "ratify.artifacts"}
