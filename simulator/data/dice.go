package data

// mix scrambles x (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash2 combines two numbers into one.
func hash2(a, b uint64) uint64 { return mix(a ^ mix(b)) }

// dice is a small random stream; its zero value is a stream as good as any.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// n returns a number in [0, n).
func (d *dice) n(n int) int { return int((d.next() >> 33) % uint64(n)) }

// in returns a number in [lo, hi].
func (d *dice) in(lo, hi int) int { return lo + d.n(hi-lo+1) }

// pct is true in p of 100 cases.
func (d *dice) pct(p int) bool { return d.n(100) < p }

// float returns a number in [0, 1).
func (d *dice) float() float64 { return float64(d.next()>>11) / (1 << 53) }

// pick returns one of list.
func pick[T any](d *dice, list []T) T { return list[d.n(len(list))] }
