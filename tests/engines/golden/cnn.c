/* A convolution, a pooling and two layers of two neurons, by hand
   Written by chalkgrad from the network's own steps; the formula of each stands over its loops. */
#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* OpenMP's, where -fopenmp-simd is not given */

typedef double real;
#define EACH(k, count) _Pragma("GCC unroll 32") for (int k = 0; k < (count); k++)
#define SIMD _Pragma("omp simd")
#define ALWAYS __attribute__((always_inline, unused)) inline
#define ALIGNED __attribute__((aligned(64))) /* GCC 12 reads a local array by whole vectors as if it were */
static ALWAYS int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static ALWAYS real real_abs(real a) { return a < 0 ? -a : a; }
static ALWAYS real real_max(real a, real b) { return a < b ? b : a; } /* a, where that is NaN */
static ALWAYS real real_min(real a, real b) { return a > b ? b : a; }
static ALWAYS real real_sign(real a) { return (real)(a > 0) - (real)(a < 0); }
static ALWAYS real real_square(real a) { return a * a; }
static ALWAYS real real_cube(real a) { return a * a * a; }
static ALWAYS double real_sqrt(double a) { return sqrt(a); }
static ALWAYS double real_pow(double a, double b) { return pow(a, b); }
/* e^a = 2^k e^r with |r| <= log(2) / 2, by its Taylor polynomial; without branches, so that it can be vectorised */
static ALWAYS double real_exp(double a) {
    double b = a < -746.0 ? -746.0 : a > 710.0 ? 710.0 : a;
    union { double value; int64_t bits; } u = {b * 1.4426950408889634074 + 6755399441055744.0};
    double k = u.value - 6755399441055744.0; /* rounded to a whole number */
    double r = (b - k * 0.69314718036912381649) - k * 1.9082149292705877e-10;
    double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4; /* in pairs, which wait less for each other */
    double low = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    double mid = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    double high = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
    double p = 1.0 + (r + r2 * (low + r4 * mid + r8 * high));
    int64_t whole = u.bits - 0x4338000000000000, half = whole >> 1, rest = whole - half;
    union { int64_t bits; double value; } one = {(int64_t)((uint64_t)(half + 1023) << 52)};
    union { int64_t bits; double value; } two = {(int64_t)((uint64_t)(rest + 1023) << 52)};
    double e = p * one.value * two.value;
    return a > 709.782712893384 ? INFINITY : a != a ? a : e;
}
static ALWAYS double real_erf_near(double a) {
    double z = a * a, r = 1.12837916709551257390; /* 2 / sqrt(pi) */
    return a * r * (1 + z * (-1.0 / 3 + z * (1.0 / 10 + z * (-1.0 / 42 + z * (1.0 / 216 + z * (-1.0 / 1320
                + z * (1.0 / 9360 + z * (-1.0 / 75600 + z * (1.0 / 685440 + z * (-1.0 / 6894720
                + z * (1.0 / 76204800 + z * (-1.0 / 918086400 + z * (1.0 / 11975040000)))))))))))));
}
/* as for float, of degree 16 */
static ALWAYS double real_erfc_far(double b) {
    double t = 1.0 / (1.0 + 0.5 * b), s = (t - 0.525) * (1.0 / 0.275);
    double q = 0.528321919277789428 + s * (0.196726821082705176 + s * (0.0430469544523376105
             + s * (0.00266083683536854635 + s * (-0.00105283376179009409 + s * (-0.00013872281034586555
             + s * (0.0000461861741256001517 + s * (4.34704494502643295e-6 + s * (-2.77600470088501349e-6
             + s * (7.51729599035866953e-8 + s * (1.55378101839388122e-7 + s * (-3.07349454856225821e-8
             + s * (-4.4909960836079146e-9 + s * (3.07826122412180152e-9 + s * (-3.52519863811458211e-10
             + s * (-1.49446557572679308e-10 + s * 4.93078850141521927e-11)))))))))))))));
    return t * real_exp(-b * b) * q;
}
static ALWAYS double real_log(double a) {
    union { double value; int64_t bits; } u = {a < 2.2250738585072014e-308 ? a * 18014398509481984.0 : a};
    int64_t shift = a < 2.2250738585072014e-308 ? 54 : 0;
    int64_t k = (u.bits - 0x3fe6a09e667f3bcd) >> 52; /* the mantissa between sqrt(1/2) and sqrt(2) */
    u.bits -= (int64_t)((uint64_t)k << 52);
    double f = u.value - 1.0, s = f / (2.0 + f), z = s * s; /* log(1 + f) = 2 artanh(s) */
    double p = z * (2.0 / 3 + z * (2.0 / 5 + z * (2.0 / 7 + z * (2.0 / 9 + z * (2.0 / 11 + z * (2.0 / 13
             + z * (2.0 / 15 + z * (2.0 / 17 + z * (2.0 / 19 + z * (2.0 / 21))))))))));
    double n = (double)(k - shift), h = 0.5 * f * f;
    double e = n * 6.93147180369123816490e-01 - ((h - (s * (h + p) + n * 1.90821492927058770002e-10)) - f);
    return a > 0 ? (a < INFINITY ? e : a) : a == 0 ? -INFINITY : NAN;
}
static ALWAYS real real_power_1_5(real a) { return a * real_sqrt(a); }
/* e^a - 1; near 0 by the Taylor series, where the difference would lose its digits */
static ALWAYS real real_expm1(real a) {
    real p = a * (1 + a * ((real)(1.0 / 2) + a * ((real)(1.0 / 6) + a * ((real)(1.0 / 24) + a * ((real)(1.0 / 120)
           + a * ((real)(1.0 / 720) + a * ((real)(1.0 / 5040) + a * ((real)(1.0 / 40320) + a * ((real)(1.0 / 362880)
           + a * ((real)(1.0 / 3628800) + a * (real)(1.0 / 39916800)))))))))));
    real e = real_exp(a) - 1;
    return real_abs(a) < (real)0.25 ? p : e;
}
static ALWAYS real real_erf(real a) {
    real b = real_abs(a), far = 1 - real_erfc_far(b > 6 ? 6 : b);
    return b < (real)0.5 ? real_erf_near(a) : a < 0 ? -far : far;
}
/* 1 - erf(a), of which large a leave something */
static ALWAYS real real_erfc(real a) {
    real b = real_abs(a), far = real_erfc_far(b > 28 ? 28 : b);
    return b < (real)0.5 ? 1 - real_erf_near(a) : a < 0 ? 2 - far : far;
}
/* tanh(a) = (1 - t) / (1 + t) with t = e^(-2|a|) */
static ALWAYS real real_tanh(real a) {
    real t = real_expm1(-2 * real_abs(a)), b = -t / (2 + t);
    return a < 0 ? -b : b;
}
/* log(1 + e^a) = max(a, 0) + log(1 + t) with t = e^(-|a|); log(1 + t) keeps the digits that 1 + t loses */
static ALWAYS real real_softplus(real a) {
    real t = real_exp(-real_abs(a)), u = 1 + t, d = u - 1;
    real g = d == 0 ? t : real_log(u) * (t / d);
    return (a > 0 || a != a ? a : 0) + g;
}


#define BATCH 1 /* the most samples in a step */
#define PARTS 1 /* into so many a batch is split, whoever computes them */
#define CHUNK 1 /* samples that are taken together */
#define CHUNK_SIZE 64 /* numbers that these need, for each thread */
#define PART_SIZE 112 /* numbers of a part's sums */
#define OWN_SIZE 64 /* numbers that each thread computes for itself */
#define NUMBERS 2

/* all that a call needs; times and places are those of the step that comes next */
typedef struct {
    const int64_t *order; /* the samples in the order in which they are taken */
    int64_t count;        /* samples in an epoch */
    int64_t between;      /* how far the epochs' orders lie apart: count, or 0 for one order for all */
    int64_t at;           /* samples of the epoch that are done */
    int64_t steps;        /* steps to make */
    int64_t done;         /* steps that were made */
    double clock, t;
    double rate;          /* the learning rate of this step */
    const double *rates;  /* of every step */
    double stop_below;    /* a loss below this ends the training */
    double *losses, *data_losses;
    real *carried, *batch, *chunk, *part, *own;
    double *numbers, *part_numbers;
    const real *x;
    const real *y;
    const real **rows_of_x; /* each thread's: where the samples' rows begin */
    const real **rows_of_y; /* each thread's: where the samples' rows begin */
    volatile int stop;    /* somebody asks for an end */
    int halt, stopped, waiting, turn;
    int64_t late;         /* how often somebody had to wait for milliseconds */
} Training;
#define wait_for_all(T, threads) ((void)(T), (void)(threads)) /* there is one thread */

static ALWAYS void rows_1(const Training *T, int thread, int part, int64_t first, int64_t end, int N) {
    (void)T, (void)thread, (void)part, (void)first, (void)end, (void)N;
    const real k1 = (real)(((1.0 / N) * 2.0));
    double *const L_part = T->part_numbers + part * NUMBERS + 0;
    real *const dW3_part = T->part + part * PART_SIZE + 0;
    real *const dW2_part = T->part + part * PART_SIZE + 16;
    real *const dW1_part = T->part + part * PART_SIZE + 32;
    *L_part = 0;
    memset(dW3_part, 0, 4 * sizeof *dW3_part);
    memset(dW2_part, 0, 8 * sizeof *dW2_part);
    memset(dW1_part, 0, 4 * sizeof *dW1_part);
    for (int64_t begin = first; begin < end; begin += CHUNK) {
        const int rows = (int)least(CHUNK, end - begin);
        const real *const *const x = T->rows_of_x + thread * BATCH + begin;
        real *const W1 = T->carried + 0;
        ALIGNED real z1[16] = {0};
        ALIGNED real win1[4] = {0};
        ALIGNED real p1[4] = {0};
        ALIGNED real a1[4] = {0};
        real *const W2 = T->carried + 16;
        ALIGNED real z2[2] = {0};
        ALIGNED real a2[2] = {0};
        real *const W3 = T->carried + 32;
        ALIGNED real z3[2] = {0};
        ALIGNED real y_hat[2] = {0};
        const real *const *const y = T->rows_of_y + thread * BATCH + begin;
        ALIGNED real l[1] = {0};
        ALIGNED real dy_hat[2] = {0};
        ALIGNED real dz3[2] = {0};
        ALIGNED real da2[2] = {0};
        ALIGNED real dz2[2] = {0};
        ALIGNED real da1[4] = {0};
        ALIGNED real df1[4] = {0};
        ALIGNED real dz1[16] = {0};
        for (int n = 0; n < rows; n++) {
            /* z1[n,o,p,q] = sum_{c,u,v} x[n,c,p*sh+u-pt,q*sw+v-pl] * W1[o,c,u,v] + b[o] for p<P, q<Q (without b) */
            for (int o = 0; o < 1; o++) {
                for (int p = 0; p < 4; p++) {
                    SIMD
                    for (int q = 0; q < 4; q++) {
                        real t1 = 0;
                        EACH(c, 1) EACH(u, 2) EACH(v, 2) t1 += x[n][c * 25 + p * 5 + u * 5 + q + v] * W1[o * 4 + c * 4 + u * 2 + v];
                        z1[n * 16 + o * 16 + p * 4 + q] = t1;
                    }
                }
            }
            /* win1[n,c,i,j] = argmax_{u,v} z1[n,c,i*sh+u-pt,j*sw+v-pl] for i<P, j<Q, u<kh, v<kw */
            /* p1[n,c,i,j] = max_{u,v} z1[n,c,i*sh+u-pt,j*sw+v-pl] for i<P, j<Q, u<kh, v<kw */
            for (int c = 0; c < 1; c++) {
                for (int i = 0; i < 2; i++) {
                    for (int j = 0; j < 2; j++) {
                        ALIGNED real t3[4];
                        EACH(u, 2) EACH(v, 2) t3[u * 2 + v] = z1[n * 16 + c * 16 + i * 8 + u * 4 + j * 2 + v];
                        real t4 = t3[0];
                        EACH(k, 3) t4 = real_max(t4, t3[k + 1]);
                        int t5 = 0;
                        EACH(k, 3) t5 |= __builtin_isunordered(t3[k], t3[k + 1]);
                        t4 = t5 ? (real)NAN : t4;
                        real t6 = 3; /* the first of equals */
                        EACH(k, 3) t6 = t3[2 - k] == t4 ? (real)(2 - k) : t6;
                        win1[n * 4 + c * 4 + i * 2 + j] = t6;
                        p1[n * 4 + c * 4 + i * 2 + j] = t4;
                    }
                }
            }
            /* a1[...] = 1 / (1 + exp(-f1[...])) */
            SIMD
            for (int i = 0; i < 4; i++) a1[n * 4 + i] = (real)1.0 / ((real)1.0 + real_exp(-p1[n * 4 + i]));
            /* z2[n,o] = sum_i a1[n,i] * W2[i,o] + b[o] (without b) */
            for (int o = 0; o < 2; o++) {
                real t7 = 0;
                EACH(i, 4) t7 += a1[n * 4 + i] * W2[i * 2 + o];
                z2[n * 2 + o] = t7;
            }
            /* a2[...] = 1 / (1 + exp(-z2[...])) */
            for (int i = 0; i < 2; i++) a2[n * 2 + i] = (real)1.0 / ((real)1.0 + real_exp(-z2[n * 2 + i]));
            /* z3[n,o] = sum_i a2[n,i] * W3[i,o] + b[o] (without b) */
            for (int o = 0; o < 2; o++) {
                real t8 = 0;
                EACH(i, 2) t8 += a2[n * 2 + i] * W3[i * 2 + o];
                z3[n * 2 + o] = t8;
            }
            /* y_hat[...] = 1 / (1 + exp(-z3[...])) */
            for (int i = 0; i < 2; i++) y_hat[n * 2 + i] = (real)1.0 / ((real)1.0 + real_exp(-z3[n * 2 + i]));
            /* l[n] = scale * sum_{...} (y_hat[n,...] - y[n,...])^2 */
            real t9 = 0;
            EACH(i, 2) t9 += real_square(y_hat[n * 2 + i] - y[n][i]);
            l[n] = t9;
            /* L = mean_n l[n] */
            L_part[0] += l[n];
            /* dy_hat[n,...] = dl[n] * 2 * scale * (y_hat[n,...] - y[n,...]) */
            /* dz3[...] = dy_hat[...] * y_hat[...] * (1 - y_hat[...]) */
            for (int i = 0; i < 2; i++) {
                dy_hat[n * 2 + i] = k1 * (y_hat[n * 2 + i] - y[n][i]);
                dz3[n * 2 + i] = dy_hat[n * 2 + i] * y_hat[n * 2 + i] * ((real)1.0 - y_hat[n * 2 + i]);
            }
            /* dW3[i,o] = sum_n a2[n,i] * dz3[n,o] */
            for (int i = 0; i < 2; i++) for (int o = 0; o < 2; o++) dW3_part[i * 2 + o] += a2[n * 2 + i] * dz3[n * 2 + o];
            /* da2[n,i] = sum_o dz3[n,o] * W3[i,o] */
            /* dz2[...] = da2[...] * a2[...] * (1 - a2[...]) */
            for (int i = 0; i < 2; i++) {
                real t10 = 0;
                EACH(o, 2) t10 += dz3[n * 2 + o] * W3[i * 2 + o];
                da2[n * 2 + i] = t10;
                dz2[n * 2 + i] = da2[n * 2 + i] * a2[n * 2 + i] * ((real)1.0 - a2[n * 2 + i]);
            }
            /* dW2[i,o] = sum_n a1[n,i] * dz2[n,o] */
            for (int i = 0; i < 4; i++) for (int o = 0; o < 2; o++) dW2_part[i * 2 + o] += a1[n * 4 + i] * dz2[n * 2 + o];
            /* da1[n,i] = sum_o dz2[n,o] * W2[i,o] */
            /* df1[...] = da1[...] * a1[...] * (1 - a1[...]) */
            SIMD
            for (int i = 0; i < 4; i++) {
                real t11 = 0;
                EACH(o, 2) t11 += dz2[n * 2 + o] * W2[i * 2 + o];
                da1[n * 4 + i] = t11;
                df1[n * 4 + i] = da1[n * 4 + i] * a1[n * 4 + i] * ((real)1.0 - a1[n * 4 + i]);
            }
            /* dz1[n,c,i*sh+u-pt,j*sw+v-pl] += dp1[n,c,i,j] * [win1[n,c,i,j] = u*kw+v] for u<kh, v<kw */
            for (int c = 0; c < 1; c++) {
                for (int i = 0; i < 2; i++) {
                    for (int j = 0; j < 2; j++) {
                        const real dp1_here = df1[n * 4 + c * 4 + i * 2 + j];
                        const real win1_here = win1[n * 4 + c * 4 + i * 2 + j];
                        EACH(u, 2) {
                            EACH(v, 2) {
                                dz1[n * 16 + c * 16 + i * 8 + u * 4 + j * 2 + v] = (win1_here == ((real)u * (real)2.0 + (real)v) ? dp1_here : (real)0);
                            }
                        }
                    }
                }
            }
            /* dW1[o,c,u,v] = sum_{n,p,q} x[n,c,p*sh+u-pt,q*sw+v-pl] * dz1[n,o,p,q] for u<kh, v<kw */
            for (int o = 0; o < 1; o++) {
                for (int c = 0; c < 1; c++) {
                    for (int u = 0; u < 2; u++) {
                        for (int v = 0; v < 2; v++) {
                            real t12 = 0;
                            EACH(p, 4) {
                                real t13 = 0;
                                EACH(q, 4) t13 += x[n][c * 25 + p * 5 + u * 5 + q + v] * dz1[n * 16 + o * 16 + p * 4 + q];
                                t12 += t13;
                            }
                            dW1_part[o * 4 + c * 4 + u * 2 + v] += t12;
                        }
                    }
                }
            }
        }
    }
}

static ALWAYS void report_2(const Training *T, int thread, int64_t N) {
    (void)T, (void)thread, (void)N;
    const real k1 = (real)((1.0 / (N * 1.0)));
    double *const L = T->numbers + thread * NUMBERS + 1;
    {
        /* L = mean_n l[n] */
        double t1 = 0;
        for (int at = 0; at < PARTS; at++) t1 += T->part_numbers[at * NUMBERS + 0];
        L[0] = (real)t1 * k1;
    }
}

static ALWAYS void update_3(const Training *T, int thread, int part, int64_t N) {
    (void)T, (void)thread, (void)part, (void)N;
    const real k1 = (real)(T->rate);
    real *const dW1_part = T->part + 32;
    real *const W1 = T->carried + 0;
    real *const dW2_part = T->part + 16;
    real *const W2 = T->carried + 16;
    real *const dW3_part = T->part + 0;
    real *const W3 = T->carried + 32;
    if (part == 0) {
        const int first = 0, last = 4;
        /* dW1[o,c,u,v] = sum_{n,p,q} x[n,c,p*sh+u-pt,q*sw+v-pl] * dz1[n,o,p,q] for u<kh, v<kw */
        /* W1_new[...] = W1[...] - lr * dW1[...] */
        for (int at = 1; at < PARTS; at++) {
            SIMD
            for (int k = first; k < last; k++) dW1_part[k] += dW1_part[at * PART_SIZE + k];
        }
        SIMD
        for (int k = first; k < last; k++) {
            const real dW1_ = dW1_part[k];
            const real W1_new = W1[k] - k1 * dW1_;
            W1[k] = W1_new;
        }
    }
    if (part == 0) {
        const int first = 0, last = 8;
        /* dW2[i,o] = sum_n a1[n,i] * dz2[n,o] */
        /* W2_new[...] = W2[...] - lr * dW2[...] */
        for (int at = 1; at < PARTS; at++) {
            SIMD
            for (int k = first; k < last; k++) dW2_part[k] += dW2_part[at * PART_SIZE + k];
        }
        SIMD
        for (int k = first; k < last; k++) {
            const real dW2_ = dW2_part[k];
            const real W2_new = W2[k] - k1 * dW2_;
            W2[k] = W2_new;
        }
    }
    if (part == 0) {
        const int first = 0, last = 4;
        /* dW3[i,o] = sum_n a2[n,i] * dz3[n,o] */
        /* W3_new[...] = W3[...] - lr * dW3[...] */
        for (int at = 1; at < PARTS; at++) {
            SIMD
            for (int k = first; k < last; k++) dW3_part[k] += dW3_part[at * PART_SIZE + k];
        }
        SIMD
        for (int k = first; k < last; k++) {
            const real dW3_ = dW3_part[k];
            const real W3_new = W3[k] - k1 * dW3_;
            W3[k] = W3_new;
        }
    }
}

/* keeps a step's loss; returns 0 where it ends the training */
static int report(Training *T, int thread, double loss, double data_loss) {
    if (thread == 0) {
        T->losses[T->done] = loss;
        T->data_losses[T->done] = data_loss;
    }
    return loss - loss == 0 && !(loss < T->stop_below);
}
/* one step: N samples from `order` on; returns 0 where the training has to stop before the update */
static int step(Training *T, int thread, int threads, const int64_t *order, int64_t N) {
    for (int64_t k = 0; k < N; k++) {
        const int64_t row = order[k];
        T->rows_of_x[thread * BATCH + k] = T->x + row * 25;
        T->rows_of_y[thread * BATCH + k] = T->y + row * 2;
    }
    for (int part = thread; part < PARTS; part += threads) {
        const int64_t first = least(N, (N + 3) / 4 * part / PARTS * 4);
        const int64_t end = least(N, (N + 3) / 4 * (part + 1) / PARTS * 4);
        rows_1(T, thread, part, first, end, (int)N);
    }
    wait_for_all(T, threads);
    report_2(T, thread, N);
    if (!report(T, thread, T->numbers[thread * NUMBERS + 1], T->numbers[thread * NUMBERS + 1])) return 0;
    for (int part = thread; part < PARTS; part += threads) update_3(T, thread, part, N);
    wait_for_all(T, threads);
    return 1;
}

/* W1 from 0, W2 from 16, W3 from 32 */
static real carried[112] = {
    1.764052345967664, 0.40015720836722329, 0.9787379841057392, 2.2408931992014578, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    1.8675579901499675, -0.10321885179355784, -0.97727787987641102, 0.41059850193837233, 0.95008841752558937, 0.14404357116087799, -0.15135720829769789, 1.4542735069629751,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.76103772514699342, 0.44386323274542566, 0.12167501649282841, 0.33367432737426683, 0.0};
static const real x[25] = {
    0.51000000000000001, 0.90000000000000002, 0.88, 0.83999999999999997, 0.050000000000000003, 0.40000000000000002, 0.62, 0.22,
    0.58999999999999997, 0.10000000000000001, 0.11, 0.20000000000000001, 0.73999999999999999, 0.33000000000000002, 0.14000000000000001, 0.46999999999999997,
    0.01, 0.84999999999999998, 0.69999999999999996, 0.089999999999999997, 0.76000000000000001, 0.19, 0.71999999999999997, 0.17000000000000001,
    0.56999999999999995};
static const real y[2] = {
    0.0, 1.0};
static const int64_t samples = 1;

int main(void) {
    static Training T;
    static real batch[64];
    static real chunk[64];
    static real part[112];
    static real own[64];
    static double numbers[NUMBERS];
    static double part_numbers[NUMBERS];
    static const real *rows_of_x[BATCH];
    static const real *rows_of_y[BATCH];
    T.carried = carried, T.batch = batch, T.chunk = chunk, T.part = part, T.own = own;
    T.numbers = numbers, T.part_numbers = part_numbers;
    T.x = x, T.rows_of_x = rows_of_x;
    T.y = y, T.rows_of_y = rows_of_y;
    static int64_t order[sizeof x / sizeof *x];
    for (int64_t k = 0; k < samples; k++)
        order[k] = k;
    double loss = 0, predicted = 0;
    T.rate = 0.001, T.losses = &loss, T.data_losses = &predicted;
    for (int64_t s = 0; s <= 2; s++) {
        const int64_t N = least(BATCH, samples - T.at);
        T.t = (double)(s + 1), T.clock = (double)(s + 1);
        T.stop_below = s < 2 ? -INFINITY : INFINITY; /* the last loss is not followed by an update */
        const int going = step(&T, 0, 1, order + T.at, N);
        printf("step %lld: L = %.17g\n", (long long)s, loss);
        if (!going)
            break;
        T.at = T.at + N == samples ? 0 : T.at + N;
    }
    if (fflush(stdout) || ferror(stdout)) {
        perror("standard output");
        return 1;
    }
    return 0;
}
