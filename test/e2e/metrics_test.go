// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// counts are opa-ratify's own, from its metrics.
type counts struct {
	registry int     // requests to the registry
	pods     int     // requests to verify
	spent    float64 // ms, on requests to verify and to mutate
}

func (c counts) plus(d counts) counts {
	return counts{c.registry + d.registry, c.pods + d.pods, c.spent + d.spent}
}

func (c counts) minus(d counts) counts {
	return counts{c.registry - d.registry, c.pods - d.pods, c.spent - d.spent}
}

func (c counts) mean() time.Duration {
	if c.pods == 0 {
		return 0
	}
	return time.Duration(c.spent / float64(c.pods) * float64(time.Millisecond))
}

var metric = regexp.MustCompile(`(?m)^(ratify_\w+)(?:\{.*\})? (\S+)$`)

func (st *stage) count(t *testing.T) counts {
	t.Helper()
	if st.provider == nil {
		return counts{}
	}
	response, err := http.Get(st.provider.Diagnostic + "/metrics")
	fatal(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	fatal(t, err)
	values := map[string]float64{}
	for _, match := range metric.FindAllSubmatch(raw, -1) {
		value, err := strconv.ParseFloat(string(match[2]), 64)
		fatal(t, err)
		values[string(match[1])] += value
	}
	if values["ratify_registry_request_count"] == 0 || values["ratify_verification_request_count"] == 0 {
		t.Errorf("opa-ratify counts nothing: %v", values)
	}
	return counts{
		registry: int(values["ratify_registry_request_count"]), pods: int(values["ratify_verification_request_count"]),
		spent: values["ratify_verification_request_sum"] + values["ratify_mutation_request_sum"],
	}
}
