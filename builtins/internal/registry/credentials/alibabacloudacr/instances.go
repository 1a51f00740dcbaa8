// SPDX-License-Identifier: Apache-2.0

package alibabacloudacr

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Instance says which instance a registry is.
type Instance struct {
	// Key is a host, "name@region" or a name. Required.
	Key string
	// ID is "cri-…". Required.
	ID string
}

var instanceID = regexp.MustCompile(`^cr(?:i|pi)-[a-z0-9]{1,40}$`)

// ParseInstances reads acrInstancesConfig as it is decoded from YAML, in both
// shapes that are in use:
//
//	[{instanceName: prod, instanceId: cri-a}]    Ratify's own
//	[{prod: cri-a}, {dev@cn-beijing: cri-b}]     the chart of the marketplace
//
// and also as one object, {prod: cri-a}. Ratify takes the second for instances
// without a name. Every problem is named.
func ParseInstances(v any) ([]Instance, []error) {
	var all []Instance
	var problems []error
	for i, entry := range entries(v) {
		found, err := parseEntry(entry)
		if err != nil {
			problems = append(problems, fmt.Errorf("[%d]: %w", i, err))
		}
		all = append(all, found...)
	}
	return all, append(problems, CheckInstances(all)...)
}

func entries(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func parseEntry(v any) ([]Instance, error) {
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it is no object; write {instanceName: name, instanceId: cri-…}")
	}
	fields := map[string]string{}
	for name, value := range o {
		s, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("%q is not text", name)
		}
		fields[name] = s
	}
	if key, id := pick(fields, "instanceName", "instance_name", "name"), pick(fields, "instanceId", "instance_id", "id"); key != "" || id != "" {
		if len(fields) != 2 || key == "" || id == "" {
			return nil, fmt.Errorf("it has %s; write instanceName and instanceId, both and nothing else", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		return []Instance{{Key: key, ID: id}}, nil
	}
	var all []Instance
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		all = append(all, Instance{Key: key, ID: fields[key]})
	}
	return all, nil
}

func pick(fields map[string]string, names ...string) string {
	for _, name := range names {
		if fields[name] != "" {
			return fields[name]
		}
	}
	return ""
}

// CheckInstances names what is wrong with a list of instances.
func CheckInstances(all []Instance) []error {
	var problems []error
	seen := map[string]bool{}
	for _, i := range all {
		key := canonical(i.Key)
		name, in, qualified := strings.Cut(key, "@")
		switch {
		case key == "":
			problems = append(problems, fmt.Errorf("an instance has no name"))
		case !instanceID.MatchString(i.ID):
			problems = append(problems, fmt.Errorf("instance %q: %q is not the id of an instance, cri-…", i.Key, i.ID))
		case qualified && (name == "" || !regionOnly.MatchString(in)):
			problems = append(problems, fmt.Errorf("instance %q: write name@region, prod@cn-hangzhou", i.Key))
		case seen[key]:
			problems = append(problems, fmt.Errorf("instance %q is there twice; for one name in two regions write name@region", i.Key))
		}
		seen[key] = true
	}
	return problems
}

// find returns the id of the instance that a host is, "" if none is named: the
// host itself comes before name@region and the name.
func find(all []Instance, host string, r registry) string {
	for _, key := range []string{canonical(host), r.instance + "@" + r.region, r.instance} {
		for _, i := range all {
			if canonical(i.Key) == key {
				return i.ID
			}
		}
	}
	return ""
}
