	.text
	.globl	product
	.p2align	2
	.type	product,@function
product:                                // @product
	cmp	x2, #1
	b.lt	.LBB0_3
	movi	v0.2d, #0000000000000000
	movi	v1.2d, #0000000000000000
.LBB0_2:                                // =>This Inner Loop Header: Depth=1
	ldr	q4, [x1]
	ldr	q5, [x1, #16]
	ld1r	{ v6.4s }, [x0]
	ldr	s7, [x0, #32]
	subs	x2, x2, #1
	add	x1, x1, #32
	add	x0, x0, #4
	fmla	v0.4s, v4.4s, v6.4s
	fmla	v1.4s, v5.4s, v6.4s
	fmla	v2.4s, v4.4s, v7.s[0]
	fmla	v3.4s, v5.4s, v7.s[0]
	b.ne	.LBB0_2
.LBB0_3:
	stp	q0, q1, [x3]
	stp	q2, q3, [x3, #32]
	ret
