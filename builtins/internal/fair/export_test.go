// SPDX-License-Identifier: Apache-2.0

package fair

// State returns how many places are free and how many keys are remembered.
func (g *Gate) State() (free, known int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.free, len(g.queues)
}
