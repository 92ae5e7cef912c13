product:
	pushq	%rbp
	movq	%rsp, %rbp
	subq	$64, %rsp
	testq	%rdx, %rdx
	jle	.LBB0_3
.LBB0_2:
	vmovups	(%rsi), %ymm4
	vmovups	32(%rsi), %ymm5
	vbroadcastss	(%rdi), %ymm6
	vfmadd231ps	%ymm4, %ymm6, %ymm0
	vfmadd231ps	%ymm5, %ymm6, %ymm1
	vbroadcastss	64(%rdi), %ymm7
	vfmadd231ps	%ymm4, %ymm7, %ymm2
	vmovups	-32(%rsp), %ymm4
	vfmadd231ps	%ymm5, %ymm7, %ymm4
	vmovups	%ymm4, -32(%rsp)
	addq	$4, %rdi
	addq	$64, %rsi
	decq	%rdx
	jne	.LBB0_2
.LBB0_3:
	vmovups	%ymm0, (%rcx)
	popq	%rbp
	vzeroupper
	retq
