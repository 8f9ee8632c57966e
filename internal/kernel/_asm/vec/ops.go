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

	{name: "sum", vectors: []string{"x"}, sums: true, unroll: 4, body: func(c *ctx) {
		VADDPS(c.mem[0], c.acc, c.acc)
	}},
	{name: "dot", vectors: []string{"a", "b"}, sums: true, unroll: 4, body: func(c *ctx) {
		VFMADD231PS(c.mem[1], c.in(0), c.acc)
	}},
	{name: "sumSquares", vectors: []string{"x"}, scalars: []string{"mean"}, sums: true, unroll: 4, body: func(c *ctx) {
		d := c.sub(c.in(0), c.s[0])
		VFMADD231PS(d, d, c.acc)
	}},
	{name: "dot3", vectors: []string{"a", "b", "x"}, scalars: []string{"mean"}, sums: true, unroll: 2, body: func(c *ctx) {
		VFMADD231PS(c.mul(c.mem[1], c.in(0)), c.sub(c.in(2), c.s[0]), c.acc)
	}},
	{name: "maxOf", vectors: []string{"x"}, sums: true, isMax: true, unroll: 4, body: func(c *ctx) {
		VMAXPS(c.mem[0], c.acc, c.acc)
	}},

	{name: "normApply", vectors: []string{"dst", "x", "gain"}, outputs: 1, scalars: []string{"mean", "rstd"}, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[2], c.mul(c.sub(c.in(1), c.s[0]), c.s[1])))
	}},
	{name: "normBack", vectors: []string{"dx", "dy", "x", "gain"}, outputs: 1, scalars: []string{"rstd", "c1", "c0"}, body: func(c *ctx) {
		sum := c.add(c.in(0), c.s[2])
		VFMADD231PS(c.mem[2], c.s[1], sum)
		VFMADD231PS(c.mul(c.mem[3], c.in(1)), c.s[0], sum)
		c.out(0, sum)
	}},
	{name: "normGainBack", vectors: []string{"dgain", "dy", "x"}, outputs: 1, scalars: []string{"mean", "rstd"}, body: func(c *ctx) {
		VFMADD231PS(c.mul(c.sub(c.in(2), c.s[0]), c.s[1]), c.in(1), c.in(0))
		c.out(0, c.in(0))
	}},

	{name: "expSum", vectors: []string{"dst", "x"}, outputs: 1, scalars: []string{"factor", "shift"}, sums: true, unroll: 2, body: func(c *ctx) {
		e := c.exp(c.sub(c.mul(c.in(1), c.s[0]), c.s[1]))
		c.out(0, e)
		VADDPS(e, c.acc, c.acc)
	}},
	{name: "softmaxBack", vectors: []string{"ds", "p", "dp"}, outputs: 1, scalars: []string{"dot", "factor"}, body: func(c *ctx) {
		c.out(0, c.mul(c.mul(c.sub(c.in(2), c.s[0]), c.in(1)), c.s[1]))
	}},

	{name: "silu", vectors: []string{"dst", "x"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.mul(c.in(1), c.sigmoid(c.in(1))))
	}},
	{name: "siluBack", vectors: []string{"dx", "dy", "x"}, outputs: 1, body: func(c *ctx) {
		slope, _ := c.siluSlope(c.in(2))
		c.out(0, c.mul(c.mem[1], slope))
	}},
	{name: "swiglu", vectors: []string{"dst", "gate", "up"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.mul(c.mem[2], c.mul(c.in(1), c.sigmoid(c.in(1)))))
	}},
	{name: "swigluBack", vectors: []string{"dgate", "dup", "dy", "gate", "up"}, outputs: 2, body: func(c *ctx) {
		slope, s := c.siluSlope(c.in(3))
		dgate := c.mul(slope, c.mul(c.mem[4], c.in(2)))
		dup := c.mul(c.in(2), c.mul(c.in(3), s))
		c.out(0, dgate)
		c.out(1, dup)
	}},

	{name: "gelu", vectors: []string{"dst", "x"}, outputs: 1, body: func(c *ctx) {
		c.out(0, c.mul(c.in(1), c.geluGate(c.in(1))))
	}},
	{name: "geluBack", vectors: []string{"dx", "dy", "x"}, outputs: 1, body: func(c *ctx) {
		x := c.in(2)
		s := c.geluGate(x)
		// d/dx x·s(2z) = s + x·s·(1-s)·2z', 2z' = a + b·x²
		z := c.load(f32("geluB", 3*2*0.044715*math.Sqrt(2/math.Pi)))
		x2 := c.mul(x, x)
		VFMADD213PS(f32("geluA", 2*math.Sqrt(2/math.Pi)), x2, z)
		rest := c.mul(c.mul(x, s), c.sub(c.load(f32("one", 1)), s))
		VFMADD231PS(rest, z, s)
		c.out(0, c.mul(c.mem[1], s))
	}},
	{name: "geluErf", vectors: []string{"dst", "x"}, outputs: 1, body: func(c *ctx) {
		phi, _ := c.normal(c.in(1))
		c.out(0, c.mul(c.in(1), phi))
	}},
	{name: "geluErfBack", vectors: []string{"dx", "dy", "x"}, outputs: 1, body: func(c *ctx) {
		phi, e := c.normal(c.in(2))
		VFMADD231PS(c.mul(f32("density", 1/math.Sqrt(2*math.Pi)), e), c.in(2), phi)
		c.out(0, c.mul(c.mem[1], phi))
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
