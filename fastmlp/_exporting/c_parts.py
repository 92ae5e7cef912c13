"""Pieces of the C files that `fastmlp._exporting.c_source` writes.

``@T`` stands for float or double, ``@F`` for the ending of functions of libm (expf, exp), ``@f`` for that of constants.
"""

# The bodies of loops over i
ACTIVATIONS = {
    "relu": "x[i] = x[i] > 0 ? x[i] : 0;",
    "leaky_relu": "x[i] = x[i] > 0 ? x[i] : negative_slope * x[i];",
    "elu": "x[i] = x[i] > 0 ? x[i] : alpha * expm1@F(x[i]);",
    "selu": "x[i] = scale * (x[i] > 0 ? x[i] : alpha * expm1@F(x[i]));",
    "gelu": "x[i] = x[i] * erfc@F(x[i] * -0.7071067811865476@f) / 2;",
    "gelu_tanh": ("x[i] = x[i] / (1 + exp@F(-1.5957691216057308@f * (x[i] + 0.044715@f * x[i] * x[i] * x[i])));"),
    "silu": "x[i] = x[i] / (1 + exp@F(-x[i]));",
    "softplus": "x[i] = (x[i] > 0 ? x[i] : 0) + log1p@F(exp@F(x[i] > 0 ? -x[i] : x[i]));",
    "sigmoid": "x[i] = 1 / (1 + exp@F(-x[i]));",
    "tanh": "x[i] = tanh@F(x[i]);",
    "mish": "x[i] *= tanh@F((x[i] > 0 ? x[i] : 0) + log1p@F(exp@F(x[i] > 0 ? -x[i] : x[i])));",
    "hard_sigmoid": "x[i] = x[i] < -3 ? 0 : x[i] > 3 ? 1 : (x[i] + 3) / 6;",
    "hard_swish": "x[i] *= x[i] < -3 ? 0 : x[i] > 3 ? 1 : (x[i] + 3) / 6;",
}

ACTIVATION = """\
static void @NAME(@T *x, size_t n@NUMBERS)
{
    size_t i;
    for (i = 0; i < n; i++)
        @BODY
}
"""

SOFTMAX = """\
static void act_softmax(@T *x, size_t n)
{
    @T largest = x[0], sum = 0;
    size_t i;
    for (i = 1; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (i = 0; i < n; i++)
        sum += x[i] = exp@F(x[i] - largest);
    for (i = 0; i < n; i++)
        x[i] /= sum;
}
"""

AFFINE = """\
/* y[m] = b[m] + x[n] w[n][m], four x at a time. The inner loops run over outputs: they become vector instructions. */
static void affine(@T *RESTRICT y, const @T *RESTRICT x, size_t n, size_t m,
                   const @T *RESTRICT w, const @T *RESTRICT b)
{
    const size_t whole = n - n % 4;
    size_t i, j;
    for (j = 0; j < m; j++)
        y[j] = b[j];
    for (i = 0; i < whole; i += 4) {
        const @T p = x[i], q = x[i + 1], r = x[i + 2], s = x[i + 3], *const v = w + i * m;
        for (j = 0; j < m; j++)
            y[j] += (p * v[j] + q * v[m + j]) + (r * v[2 * m + j] + s * v[3 * m + j]);
    }
    for (i = whole; i < n; i++)
        for (j = 0; j < m; j++)
            y[j] += x[i] * w[i * m + j];
}
"""

SCALE_SHIFT = """\
static void scale_shift(@T *x, size_t n, const @T *center, const @T *factors, const @T *offsets)
{
    size_t i;
    for (i = 0; i < n; i++)
        x[i] = (x[i] - center[i]) * factors[i] + offsets[i];
}
"""

LAYER_NORM = """\
static void layer_norm(@T *x, size_t n, @T epsilon, const @T *gamma, const @T *beta)
{
    double sum = 0, squares = 0;
    @T mean, inverse;
    size_t i;
    for (i = 0; i < n; i++)
        sum += x[i];
    mean = (@T)(sum / (double)n);
    for (i = 0; i < n; i++)
        squares += (double)(x[i] - mean) * (x[i] - mean);
    inverse = 1 / sqrt@F((@T)(squares / (double)n) + epsilon);
    for (i = 0; i < n; i++)
        x[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
}
"""

COPY = """\
static void copy(@T *y, const @T *x, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        y[i] = x[i];
}
"""

ADD = """\
static void add(@T *y, const @T *x, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        y[i] += x[i];
}
"""

# ---------------------------------------------------------------- around the network

HEAD = """\
/*
 * A neural network of @N features and @K outputs in C99, which is C++ too. fastmlp wrote it.
 *
 * It needs no library but libm, allocates nothing, and runs in any number of threads at once:
 *
 *     cc -std=c99 -O3 -c @P.c
 *
 * Declare what you use of it:
 *
@SHOWN
 *
 * x holds the @N features of one row, and out gets @K numbers.
@NOTES
 * If a feature is NaN or infinite, all outputs are NaN; with -ffast-math they are anything.
 *
 * As a program, it reads rows of numbers from the standard input, one on each line, separated by commas or spaces, and
 * writes a line of answers for each:
 *
 *     cc -std=c99 -O3 -D@M_MAIN @P.c -lm -o @P && ./@P < rows.csv
 */

#include <math.h>
#include <stddef.h>

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
#define RESTRICT restrict
#else
#define RESTRICT __restrict
#endif

@SCRATCH#ifdef __cplusplus
extern "C" {
#endif

@DECLARED

#ifdef __cplusplus
}
#endif
"""

RUN = """\
/* The features stand at the start of the scratch space s. */
static void run(@T *s, @T *out)
{
    size_t i;
    int is_finite = 1;
    for (i = 0; i < @N; i++)
        is_finite &= s[i] - s[i] == 0;
    if (!is_finite) {
        for (i = 0; i < @K; i++)
            out[i] = (@T)NAN;
        return;
    }
@LINES
}
"""

FUNCTION = """\
@SIGNATURE
{
    size_t i;
@SPACE    for (i = 0; i < @N; i++)
        scratch[i] = @FEATURE;
    run(scratch, out);
}
"""

CHOICE_ABOVE = """\
int @P_choice(const @T *out)
{
    const @T number = @NUMBER;
    return number != number ? -1 : number > @THRESHOLD;
}
"""

CHOICE_LARGEST = """\
int @P_choice(const @T *out)
{
    int i, choice = 0;
    for (i = 0; i < @K; i++) {
        if (out[i] != out[i])
            return -1;
        if (out[i] > out[choice])
            choice = i;
    }
    return choice;
}
"""

# ---------------------------------------------------------------- as a program

MAIN = """\
#ifdef @M_MAIN
#include <stdio.h>

enum { NUMBER, LINE_END, INPUT_END, ELSE };

/* Reads the next number of a line, after any separators; tells what there is instead, if there is none. */
static int next(double *number)
{
    int c = getchar();
    while (c == ' ' || c == '\\t' || c == '\\r' || c == ',' || c == ';')
        c = getchar();
    if (c == '\\n' || c == EOF)
        return c == EOF ? INPUT_END : LINE_END;
    ungetc(c, stdin);
    return scanf("%lf", number) == 1 ? NUMBER : ELSE;
}
@HELPER
int main(int argc, char **argv)
{
    static @KIND x[@N];
    static @T out[@K];
@SPACE    unsigned long row = 1;
    size_t i = 0;
    int found;
    double number;
    if (argc > 1) {
        fprintf(stderr, "usage: %s < rows.csv\\n", argv[0]);
        return 1;
    }
    do {
        found = next(&number);
        if (found == NUMBER && i < @N) {
@CHECK            x[i++] = (@KIND)number;
        } else if (found == NUMBER || found == ELSE || (i > 0 && i < @N)) {
            fprintf(stderr, "row %lu must hold @N numbers, and nothing else\\n", row);
            return 1;
        } else if (i > 0) {
            @P_@READER(@ARGUMENTS);
@SHOW            for (i = 0; i < @K; i++)
                printf("%s%.@DIGITSg", i ? "," : "", (double)out[i]);
            printf("\\n");
            i = 0;
            row++;
        }
    } while (found != INPUT_END);
    if (row == 1)
        fprintf(stderr, "there are no rows of @N numbers\\n");
    return row == 1;
}
#endif
"""

CHECK_PIXEL = """\
            if (!(number >= 0 && number <= 255 && number == floor(number))) {
                fprintf(stderr, "row %lu holds %g, which is no pixel from 0 to 255\\n", row, number);
                return 1;
            }
"""

SHOW_NUMBER = """\
            printf("%d,", @P_choice(out));
"""

SHOW_LABEL = """\
            show(@P_choice(out) < 0 ? "" : @P_classes[@P_choice(out)]);
"""

SHOW = """\

/* Writes a text as a field of a CSV file. */
static void show(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    fputs("\\",", stdout);
}
"""
