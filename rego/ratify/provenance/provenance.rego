# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Provenance
# description: |
#   Decides about an image by how it was built: SLSA provenance v1 and v0.2. Only signed
#   statements count, and one that meets all demands is enough. The signature says who
#   speaks (the trust document), the statement what was built where.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/provenance
#     description: SLSA provenance v1
#   - ref: https://slsa.dev/spec/v0.2/provenance
#     description: SLSA provenance v0.2
#   - ref: https://slsa.dev/spec/v1.0/verifying-artifacts
#     description: SLSA v1.0, verifying artifacts
package ratify.provenance

import data.ratify.evidence
import data.ratify.settings as kinds

# METADATA
# title: The decision about how an image was built
# description: |
#   Given answers of `ratify.attestations` and settings, an object: "allow" (boolean) and
#   "reasons" (array of lines, empty if allowed: those of the statement that came
#   nearest). The settings are an object; "builders" is required, and every other key may
#   be left out:
#
#   - "builders": a list of {"id" or "pattern", "level"}: which builders are trusted, and
#     for which SLSA level (default: 1);
#   - "minimum_level": the least level;
#   - "sources": a list of {"repository", "refs", "digests"}: where the source may come from,
#     as a URL, at which refs (patterns, such as `refs/tags/v[0-9.]+`) and commits;
#   - "source_parameter": where the external parameters name the source, as a path such as
#     `inputs/repository`, for build types that are not known here;
#   - "build_types": URIs;
#   - "parameters": {path: list of accepted values}, such as
#     {"workflow/path": [".github/workflows/release.yml"]};
#   - "allowed_parameters": names of the external parameters there may be; others deny;
#   - "dependencies": patterns of URIs, each of which a resolved dependency with a digest has.
#
#   Patterns are regular expressions (RE2) that match from beginning to end.
decision(answers, settings) := {"allow": false, "reasons": faults} if {
	faults := _settings_faults(settings)
	count(faults) > 0
} else := {"allow": true, "reasons": []} if {
	some build in builds(answers, settings)
	count(_misses(build, settings)) == 0
} else := {"allow": false, "reasons": _reasons(builds(answers, settings), settings, evidence.faults(answers))}

# METADATA
# title: What statements say about builds
# description: |
#   Given answers of `ratify.attestations` and settings as above, an array with one object
#   per signed statement of SLSA provenance: "digest" (of the manifest that holds it),
#   "builder" (its id), "build_type", "parameters" (object), "sources" (array of
#   {"repository", "ref", "digests"}) and "dependencies" (array of {"uri", "digests"}).
#   Digests are sets of values such as commits.
builds(answers, settings) := [build |
	some document in evidence.documents(answers)
	build := _build(document, settings)
]

_build(document, settings) := {
	"digest": document.digest,
	"builder": object.get(document.json, ["runDetails", "builder", "id"], ""),
	"build_type": object.get(definition, "buildType", ""),
	"parameters": parameters,
	"sources": [_with_digests(source, dependencies) |
		some source in array.concat(_sources(parameters, settings), _delegated(definition))
	],
	"dependencies": dependencies,
} if {
	document.type == "https://slsa.dev/provenance/v1"
	definition := document.json.buildDefinition
	parameters := _parameters(object.get(definition, "externalParameters", {}))
	dependencies := _dependencies(object.get(definition, "resolvedDependencies", []))
}

_build(document, _) := {
	"digest": document.digest,
	"builder": object.get(document.json, ["builder", "id"], ""),
	"build_type": object.get(document.json, "buildType", ""),
	"parameters": _parameters(object.get(document.json, ["invocation", "parameters"], {})),
	"sources": [_with_digests(source, dependencies) | some source in _source(configuration)],
	"dependencies": dependencies,
} if {
	document.type == "https://slsa.dev/provenance/v0.2"
	configuration := object.get(document.json, ["invocation", "configSource"], null)
	dependencies := _dependencies(object.get(document.json, "materials", []))
}

# Parameters of another shape are one without a name.
_parameters(given) := given if is_object(given)

else := {} if given == null

else := {"": given}

_dependencies(given) := [{"uri": dependency.uri, "digests": _digests(dependency)} |
	some dependency in given
	is_string(dependency.uri)
]

_digests(given) := {digest | some digest in object.get(given, "digest", {}); is_string(digest)}

# Where build types name the source among the parameters: GitHub's workflows, the
# generators of slsa-framework and GitLab, Google Cloud Build, Tekton, BuildKit. A
# dependency is not the source, whatever its URI is, where the build type does not say so.
_sources(parameters, settings) := [source |
	some path in array.concat(
		[["workflow"], ["source"], ["sourceToBuild"], ["buildConfigSource"], ["configSource"]],
		[split(settings.source_parameter, "/") | settings.source_parameter],
	)
	some source in _source(object.get(parameters, path, null))
]

# The delegator of slsa-framework names the source nowhere but in the first dependency,
# where slsa-verifier reads it.
_delegated(definition) := _source(definition.resolvedDependencies[0]) if {
	definition.buildType == "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0"
} else := []

_source(given) := [] if {
	given == null
} else := [{"repository": repository(given.repository), "ref": ref, "digests": _digests(given)}] if {
	is_string(given.repository)
	ref := object.get(given, "ref", "")
} else := [object.union(_located(given.uri), {"digests": _digests(given)})] if {
	is_string(given.uri)
} else := [object.union(_located(given), {"digests": set()})] if {
	is_string(given)
} else := [{"repository": "", "ref": "", "digests": set()}]

_located(place) := {"repository": repository(place), "ref": regex.replace(place, `^[^:]*://[^/]+/[^@#]*[@#]?`, "")}

_with_digests(source, dependencies) := object.union(source, {"digests": digests}) if {
	resolved := {digest |
		some dependency in dependencies
		_located(dependency.uri) == object.remove(source, ["digests"])
		some digest in dependency.digests
	}
	digests := source.digests | resolved
}

# METADATA
# title: The repository in a URI
# description: |
#   `https://github.com/acme/app` for `git+https://github.com/acme/app.git@refs/heads/main`:
#   without `git+`, `.git`, a trailing slash, and the ref after `@` or `#`.
repository(place) := regex.replace(
	place,
	`^(?:git\+)?([a-z][a-z0-9+.-]*://[^/]+/[^@#]*?)(?:\.git)?/?(?:[@#].*)?$`,
	"$1",
)

# What is wrong with a build

_reasons([], _, []) := ["no_evidence: no statement of SLSA provenance v1 or v0.2 is verified"]

_reasons(given, settings, faults) := array.concat(_nearest(given, settings), faults) if {
	count(given) + count(faults) > 0
}

_nearest(given, settings) := [sprintf("provenance_mismatch: %v: %s", [build.digest, line]) |
	ranked := sort([[count(_misses(build, settings)), i] | some i, build in given])
	build := given[ranked[0][1]]
	some line in _misses(build, settings)
]

_misses(build, settings) := array.flatten([
	_builder_misses(build, settings),
	_type_misses(build, object.get(settings, "build_types", [])),
	_source_misses(build, object.get(settings, "sources", [])),
	_parameter_misses(build, settings),
	_dependency_misses(build, object.get(settings, "dependencies", [])),
])

_builder_misses(build, settings) := [sprintf("the builder %q is not trusted", [build.builder])] if {
	count(_levels(build, settings)) == 0
} else := [sprintf("the builder %q is trusted for SLSA level %d, not %d", [build.builder, level, least]) |
	level := max(_levels(build, settings))
	least := object.get(settings, "minimum_level", 1)
	level < least
]

_levels(build, settings) := {object.get(builder, "level", 1) |
	some builder in settings.builders
	_is_builder(build.builder, builder)
}

_is_builder(id, builder) if id == builder.id

_is_builder(id, builder) if kinds.matches(builder.pattern, id)

_type_misses(build, types) := [sprintf("the build type %q is none of build_types", [build.build_type]) |
	count(types) > 0
	not build.build_type in types
]

_source_misses(build, sources) := [] if count(sources) == 0

else := [_no_source] if count(build.sources) == 0

else := [sprintf("the source %v at %q is none of sources", [source.repository, source.ref]) |
	some source in build.sources
	not _is_from(source, sources)
]

_no_source := concat("", [
	"it names no source where this build type is known to; ",
	"see source_parameter, or dependencies instead of sources if it is named only there",
])

_is_from(source, sources) if {
	some accepted in sources
	repository(accepted.repository) == source.repository
	_is_ref(source.ref, object.get(accepted, "refs", []))
	_is_commit(source.digests, object.get(accepted, "digests", []))
}

_is_ref(_, patterns) if count(patterns) == 0

_is_ref(ref, patterns) if {
	some pattern in patterns
	kinds.matches(pattern, ref)
}

_is_commit(_, accepted) if count(accepted) == 0

_is_commit(digests, accepted) if {
	some digest in accepted
	digest in digests
}

_parameter_misses(build, settings) := array.concat(
	[sprintf("the parameter %s is not as it must be", [path]) |
		some path, accepted in object.get(settings, "parameters", {})
		not object.get(build.parameters, split(path, "/"), null) in accepted
	],
	[sprintf("the parameter %v is not among allowed_parameters", [name]) |
		some name, _ in build.parameters
		not name in object.get(settings, "allowed_parameters", [name])
	],
)

_dependency_misses(build, patterns) := [sprintf("no resolved dependency with a digest is %s", [pattern]) |
	some pattern in patterns
	not _is_resolved(build.dependencies, pattern)
]

_is_resolved(dependencies, pattern) if {
	some dependency in dependencies
	count(dependency.digests) > 0
	kinds.matches(pattern, dependency.uri)
}

# Settings

_settings_faults(settings) := array.flatten([
	kinds.faults(settings, _kinds),
	["invalid_settings: builders is required" | not settings.builders],
	[sprintf("invalid_settings: builders[%d] must have id or pattern, and may have level", [i]) |
		some i, builder in settings.builders
		not _is_builder_setting(builder)
	],
	[sprintf("invalid_settings: sources[%d] must have repository, and may have refs and digests", [i]) |
		some i, source in settings.sources
		not _is_source_setting(source)
	],
])

_kinds := {
	"builders": "objects",
	"minimum_level": "count",
	"sources": "objects",
	"source_parameter": "string",
	"build_types": "strings",
	"parameters": "object",
	"allowed_parameters": "strings",
	"dependencies": "patterns",
}

_is_builder_setting(builder) if {
	count(kinds.faults(builder, {"id": "string", "pattern": "pattern", "level": "count"})) == 0
	count(object.keys(builder) & {"id", "pattern"}) == 1
}

_is_source_setting(source) if {
	count(kinds.faults(source, {"repository": "string", "refs": "patterns", "digests": "strings"})) == 0
	source.repository
}
