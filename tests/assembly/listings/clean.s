	.text
	.globl	product
	.type	product,@function
product:
	.cfi_startproc
	testq	%rdx, %rdx
	jle	.LBB0_3
	vxorps	%xmm0, %xmm0, %xmm0
	vxorps	%xmm1, %xmm1, %xmm1
	vxorps	%xmm2, %xmm2, %xmm2
	vxorps	%xmm3, %xmm3, %xmm3
	.p2align	4
.LBB0_2:                                # =>This Inner Loop Header: Depth=1
	vmovups	(%rsi), %ymm4
	vmovups	32(%rsi), %ymm5
	vbroadcastss	(%rdi), %ymm6
	vfmadd231ps	%ymm4, %ymm6, %ymm0 # ymm0 = (ymm6 * ymm4) + ymm0
	vfmadd231ps	%ymm5, %ymm6, %ymm1
	vbroadcastss	64(%rdi), %ymm7
	vfmadd231ps	%ymm4, %ymm7, %ymm2
	vfmadd231ps	%ymm5, %ymm7, %ymm3
	addq	$4, %rdi
	addq	$64, %rsi
	decq	%rdx
	jne	.LBB0_2
.LBB0_3:
	vmovups	%ymm0, (%rcx)
	vmovups	%ymm1, 32(%rcx)
	vmovups	%ymm2, 64(%rcx)
	vmovups	%ymm3, 96(%rcx)
	vzeroupper
	retq
	.cfi_endproc
# The loop of an optimiser: it multiplies and adds, but it is no matrix product.
	.globl	update
	.type	update,@function
update:
	.p2align	4
.LBB1_1:
	vmovups	(%rdi,%rax), %ymm1
	vfmadd213ps	(%rsi,%rax), %ymm0, %ymm1
	vmovups	%ymm1, (%rsi,%rax)
	addq	$32, %rax
	cmpq	%rdx, %rax
	jb	.LBB1_1
	vzeroupper
	retq
