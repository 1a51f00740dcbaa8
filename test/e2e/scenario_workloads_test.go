// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// workloads are an object of each kind that makes pods, and where its image is.
func workloads(name, image string) []struct {
	o    object
	path string
} {
	labels := object{"app": name}
	template := func(restart string) object {
		spec := podSpec(image)
		spec["restartPolicy"] = restart
		return object{"metadata": object{"labels": labels}, "spec": spec}
	}
	build := func(group, kind string, spec object) object {
		return object{"apiVersion": group, "kind": kind, "metadata": object{"name": name}, "spec": spec}
	}
	selected := func(more object) object {
		spec := object{"selector": object{"matchLabels": labels}, "template": template("Always")}
		maps.Copy(spec, more)
		return spec
	}
	const path = "{.spec.template.spec.containers[0].image}"
	return []struct {
		o    object
		path string
	}{
		{build("apps/v1", "Deployment", selected(nil)), path},
		{build("apps/v1", "ReplicaSet", selected(nil)), path},
		{build("apps/v1", "DaemonSet", selected(nil)), path},
		{build("apps/v1", "StatefulSet", selected(object{"serviceName": name})), path},
		{build("batch/v1", "Job", object{"template": template("Never")}), path},
		{build("batch/v1", "CronJob", object{"schedule": "@daily", "jobTemplate": object{"spec": object{"template": template("Never")}}}), "{.spec.jobTemplate.spec.template.spec.containers[0].image}"},
		{build("v1", "ReplicationController", object{"selector": labels, "template": template("Always")}), path},
		{object{"apiVersion": "v1", "kind": "PodTemplate", "metadata": object{"name": name}, "template": template("Always")}, "{.template.spec.containers[0].image}"},
	}
}

// Every kind that makes pods is refused where it is written, and gets digests.
func workloadTest(t *testing.T, w *world) {
	ca, signer := authority(t, "workloads")
	signed := w.publish(t, "workloads/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "workloads/unsigned")
	st := w.stage(t, script{name: "workloads", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, signed.tag, signed.pinned)

	for _, good := range workloads("good", signed.tag) {
		if got := st.admitsObject(t, good.o, good.path); got != signed.pinned {
			t.Errorf("%s runs %q, want %q", good.o["kind"], got, signed.pinned)
		}
	}
	for _, bad := range workloads("bad", unsigned.tag) {
		st.refusesObject(t, bad.o, "[workloads] Subject failed verification: "+unsigned.pinned, "no_signature")
	}
	output, err := w.run(t.Context(), nil, w.tools.path("kubectl"), "set", "image", "-n", st.ns, "deployment/good", "c0="+unsigned.tag)
	denied(t, output, err, "[workloads] Subject failed verification: ")
	w.kubectl(t, "scale", "-n", st.ns, "deployment/good", "--replicas", "3")
}

// A volume that is an image is verified, and gets its digest, as any other.
func imageVolumeTest(t *testing.T, w *world) {
	ca, signer := authority(t, "volumes")
	signed := w.publish(t, "volumes/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "volumes/unsigned")
	st := w.stage(t, script{name: "volumes", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, signed.tag, signed.pinned)
	with := func(volume string) object {
		p := pod(st.podName(), signed.tag)
		p["spec"].(object)["volumes"] = []any{object{"name": "data", "image": object{"reference": volume}}}
		return p
	}

	if got := st.admitsObject(t, with(signed.tag), "{.spec.volumes[?(@.name=='data')].image.reference}"); got != signed.pinned {
		t.Errorf("the volume is %q, want %q", got, signed.pinned)
	}
	st.refusesObject(t, with(unsigned.tag), "[volumes] Subject failed verification: "+unsigned.pinned)
}

// An image for several platforms: the index is signed, is verified, and is what runs.
func indexTest(t *testing.T, w *world) {
	ca, signer := authority(t, "index")
	signed := w.publishIndex(t, "index/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publishIndex(t, "index/unsigned")
	st := w.stage(t, script{name: "index", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, signed.tag, signed.pinned)

	st.admits(t, signed.tag, signed.pinned)
	st.refuses(t, unsigned.tag, "[index] Subject failed verification: "+unsigned.pinned)
	// Only the index was signed, so an image inside has no signature of its own.
	_, manifests, err := w.scratch.PushIndex(t.Context(), "index/signed", "v1")
	fatal(t, err)
	st.refuses(t, strings.Replace(signed.pinned, signed.desc.Digest.String(), manifests[0].Digest.String(), 1), "no_signature")
}
