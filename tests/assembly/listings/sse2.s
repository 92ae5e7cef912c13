product:
.LBB0_1:
	movss	-32(%r11,%rsi), %xmm2
	shufps	$0, %xmm2, %xmm2
	movups	-16(%r10,%rsi), %xmm3
	mulps	%xmm2, %xmm3
	addps	%xmm3, %xmm1
	movups	(%r10,%rsi), %xmm4
	mulps	%xmm2, %xmm4
	addps	%xmm4, %xmm0
	addq	$32, %rsi
	decq	%rdx
	jne	.LBB0_1
	retq
