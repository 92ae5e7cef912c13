"a name, quoted":
	movq	%r8, %r9
	vmovups	%ymm0, -32(%rsp)
	jmp	.LBB0_4
.LBB0_1:
	movq	%r10, %rdi
	xorl	%eax, %eax
.LBB0_2:
	vmovups	(%rsi), %ymm4
	vmovups	32(%rsi), %ymm5
	vbroadcastss	(%rdi), %ymm6
	vfmadd231ps	%ymm4, %ymm6, %ymm0
	vfmadd231ps	%ymm5, %ymm6, %ymm1
	incq	%rax
	testb	$1, %al
	je	.LBB0_3
	addq	$64, %rdi
.LBB0_3:
	vfmadd231ps	(%rdi){1to8}, %ymm4, %ymm2
	vfmadd231ps	(%rdi){1to8}, %ymm5, %ymm3
	cmpq	%rdx, %rax
	jne	.LBB0_2
	decq	%r9
.LBB0_4:
	vmovups	-32(%rsp), %ymm0
	testq	%r9, %r9
	jne	.LBB0_1
	retq
