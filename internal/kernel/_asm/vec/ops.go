package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
)

var ops = []op{
	{name: "add", vectors: []string{"dst", "a", "b"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.add(c.mem[2], c.in(1)))
	}},
	{name: "mul", vectors: []string{"dst", "a", "b"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[2], c.in(1)))
	}},
	{name: "axpy", vectors: []string{"dst", "x"}, outputs: 1, scalars: []string{"a"}, body: func(c *ctx) {
		VFMADD231PS(c.mem[1], c.s[0], c.in(0))
		c.out(0, c.in(0))
	}},
	{name: "scale", vectors: []string{"x"}, outputs: 1, scalars: []string{"a"}, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[0], c.s[0]))
	}},

	{name: "sum", vectors: []string{"x"}, scalars: []string{"shift"}, sums: true, unroll: 4, pad: map[string]string{"x": "shift"}, body: func(c *ctx) {
		VADDPS(c.sub(c.in(0), c.s[0]), c.acc, c.acc)
	}},
	{name: "dot", vectors: []string{"a", "b"}, sums: true, unroll: 4, body: func(c *ctx) {
		VFMADD231PS(c.mem[1], c.in(0), c.acc)
	}},
	{name: "sumSquares", vectors: []string{"x"}, scalars: []string{"mean"}, sums: true, unroll: 4, pad: map[string]string{"x": "mean"}, body: func(c *ctx) {
		d := c.sub(c.in(0), c.s[0])
		VFMADD231PS(d, d, c.acc)
	}},
	{name: "tripleDot", vectors: []string{"a", "b", "x"}, scalars: []string{"mean"}, sums: true, unroll: 2, body: func(c *ctx) {
		VFMADD231PS(c.mul(c.mem[1], c.in(0)), c.sub(c.in(2), c.s[0]), c.acc)
	}},
	{name: "maxOf", vectors: []string{"x"}, sums: true, isMax: true, unroll: 4, pad: map[string]string{"x": "negInf32"}, body: func(c *ctx) {
		VMAXPS(c.acc, c.in(0), c.acc) // NaN leaves acc as it is
	}},

	{name: "normApply", vectors: []string{"dst", "x", "gain"}, outputs: 1, scalars: []string{"mean", "rstd"}, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[2], c.mul(c.sub(c.in(1), c.s[0]), c.s[1])))
	}},
	{name: "normBack", vectors: []string{"dx", "dy", "x", "gain"}, outputs: 1, scalars: []string{"mean", "rstd", "slope", "offset"}, body: func(c *ctx) {
		sum := c.add(c.in(0), c.s[3])
		VFMADD231PS(c.sub(c.in(2), c.s[0]), c.s[2], sum)
		VFMADD231PS(c.mul(c.mem[3], c.in(1)), c.s[1], sum)
		c.out(0, sum)
	}},
	{name: "normGainBack", vectors: []string{"dgain", "dy", "x"}, outputs: 1, scalars: []string{"mean", "rstd"}, body: func(c *ctx) {
		VFMADD231PS(c.mul(c.sub(c.in(2), c.s[0]), c.s[1]), c.in(1), c.in(0))
		c.out(0, c.in(0))
	}},

	{name: "expSum", vectors: []string{"dst", "x"}, outputs: 1, scalars: []string{"factor", "shift"}, sums: true, unroll: 2, pad: map[string]string{"x": "negInf32"}, body: func(c *ctx) {
		x := c.in(1)
		VFMSUB213PS(c.s[1], c.s[0], x)
		e := c.exp(x)
		c.out(0, e)
		VADDPS(e, c.acc, c.acc)
	}},
	{name: "softmaxBack", vectors: []string{"ds", "p", "dp"}, outputs: 1, scalars: []string{"dot", "factor"}, body: func(c *ctx) {
		c.out(0, c.mul(c.mul(c.sub(c.in(2), c.s[0]), c.in(1)), c.s[1]))
	}},

	{name: "silu", vectors: []string{"dst", "x"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.div(c.in(1), c.onePlusExp(c.in(1))))
	}},
	{name: "siluBack", vectors: []string{"dx", "dy", "x"}, outputs: 1, body: func(c *ctx) {
		slope, _, _ := c.siluSlope(c.in(2))
		c.out(0, c.mul(c.mem[1], slope))
	}},
	{name: "swiglu", vectors: []string{"dst", "gate", "up"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[2], c.div(c.in(1), c.onePlusExp(c.in(1)))))
	}},
	{name: "swigluBack", vectors: []string{"dgate", "dup", "dy", "gate", "up"}, outputs: 2, body: func(c *ctx) {
		slope, a, tail := c.siluSlope(c.in(3))
		dgate := c.mul(slope, c.mul(c.mem[4], c.in(2)))
		dup := c.mul(c.in(2), c.positiveLess(c.in(3), a, tail))
		c.out(0, dgate)
		c.out(1, dup)
	}},

	{name: "gelu", vectors: []string{"dst", "x"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.div(c.in(1), c.geluDivisor(c.in(1))))
	}},
	{name: "geluBack", vectors: []string{"dx", "dy", "x"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[1], c.geluSlope(c.in(2))))
	}},
	{name: "geluErf", vectors: []string{"dst", "x"}, outputs: 1, body: func(c *ctx) {
		a, tail, _ := c.normalTail(c.in(1))
		c.out(0, c.positiveLess(c.in(1), a, tail))
	}},
	{name: "geluErfBack", vectors: []string{"dx", "dy", "x"}, outputs: 1, body: func(c *ctx) {
		a, u, e := c.normalTail(c.in(2)) // less a·φ(a)
		VFNMADD231PS(c.mul(c.k(1/math.Sqrt(2*math.Pi)), e), a, u)
		c.out(0, c.mul(c.mem[1], c.mirror(c.in(2), u)))
	}},

	{name: "rope", vectors: []string{"a", "b", "cos", "sin"}, outputs: 2, body: func(c *ctx) {
		x, y := c.mul(c.mem[2], c.in(0)), c.mul(c.mem[2], c.in(1))
		VFNMADD231PS(c.mem[3], c.in(1), x)
		VFMADD231PS(c.mem[3], c.in(0), y)
		c.out(0, x)
		c.out(1, y)
	}},
	{name: "ropeBack", vectors: []string{"a", "b", "cos", "sin"}, outputs: 2, body: func(c *ctx) {
		x, y := c.mul(c.mem[2], c.in(0)), c.mul(c.mem[2], c.in(1))
		VFMADD231PS(c.mem[3], c.in(1), x)
		VFNMADD231PS(c.mem[3], c.in(0), y)
		c.out(0, x)
		c.out(1, y)
	}},

	{name: "adamw", vectors: []string{"p", "m", "v", "grad"}, outputs: 3,
		scalars: []string{"keep", "beta1c", "beta2", "beta2c", "step", "rootC2", "eps", "gscale"}, body: func(c *ctx) {
			g := c.mul(c.mem[3], c.s[7])
			m := c.in(1) // m + (g-m)·(1-β1)
			VFMADD231PS(c.sub(g, m), c.s[1], m)
			v := c.mul(c.mem[2], c.s[2])
			VFMADD231PS(c.mul(g, g), c.s[3], v)
			root := c.vec()
			VSQRTPS(v, root)
			VMULPS(c.s[5], root, root)
			VADDPS(c.s[6], root, root)
			p := c.mul(c.mem[0], c.s[0])
			VFNMADD231PS(c.div(m, root), c.s[4], p)
			c.out(0, p)
			c.out(1, m)
			c.out(2, v)
		}},
}
