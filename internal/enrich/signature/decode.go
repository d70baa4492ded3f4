package signature

import "math"

// steps[a][b] is how likely state b follows a on the next line, beside[a][b]
// in the same segment after a comma or a bar. A signature goes from the name
// by title and company to the address; each may be missing.
var steps = [states_][states_]float64{
	other:   {other: 0.2, name: 0, title: -0.3, company: -0.2, unit: -0.2, address: -0.1},
	name:    {other: 0, name: -3, title: 0.7, company: 0.7, unit: 0.6, address: -0.1},
	title:   {other: 0, name: -0.4, title: 0.1, company: 0.7, unit: 0.6, address: 0},
	company: {other: 0, name: -0.8, title: -0.3, company: -0.2, unit: 0.2, address: 0.6},
	unit:    {other: 0, name: -0.8, title: -0.3, company: 0.6, unit: 0.1, address: 0.4},
	address: {other: 0, name: -1.5, title: -1.5, company: -0.6, unit: -0.8, address: 1},
}

var beside = [states_][states_]float64{
	other:   {other: 0.2, name: -0.5, title: -0.3, company: -0.2, unit: -0.2, address: -0.1},
	name:    {other: 0.2, name: -3, title: 0.7, company: 0.4, unit: 0.2, address: -0.3},
	title:   {other: 0, name: -1.5, title: 0.9, company: 0.5, unit: 0.3, address: -0.3},
	company: {other: 0, name: -1.5, title: -0.3, company: 0.2, unit: 0.2, address: 0.5},
	unit:    {other: 0, name: -1.5, title: -0.3, company: 0.5, unit: 0.4, address: 0.4},
	address: {other: -0.3, name: -2, title: -1.5, company: -0.8, unit: -1, address: 1.4},
}

// decode gives each atom its state, so that scores and steps together are
// highest (Viterbi).
func decode(atoms []atom) {
	if len(atoms) == 0 {
		return
	}
	back := make([][states_]state, len(atoms))
	score := atoms[0].scores
	for s := range score {
		score[s] += steps[other][s]
	}
	for i := 1; i < len(atoms); i++ {
		table := &steps
		if atoms[i].segment == atoms[i-1].segment {
			table = &beside
		}
		var next [states_]float64
		for to := range states_ {
			best := math.Inf(-1)
			for from := range states_ {
				if v := score[from] + table[from][to]; v > best {
					best, back[i][to] = v, from
				}
			}
			next[to] = best + atoms[i].scores[to]
		}
		score = next
	}
	last := other
	for s := range states_ {
		if score[s] > score[last] {
			last = s
		}
	}
	for i := len(atoms) - 1; i >= 0; i-- {
		atoms[i].state = last
		last = back[i][last]
	}
}
