/* an embedding
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


#define BATCH 2 /* the most samples in a step */
#define PARTS 1 /* into so many a batch is split, whoever computes them */
#define CHUNK 2 /* samples that are taken together */
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
    const int64_t *x;
    const real *y;
    const int64_t **rows_of_x; /* each thread's: where the samples' rows begin */
    const real **rows_of_y; /* each thread's: where the samples' rows begin */
    volatile int stop;    /* somebody asks for an end */
    int halt, stopped, waiting, turn;
    int64_t late;         /* how often somebody had to wait for milliseconds */
} Training;
#define wait_for_all(T, threads) ((void)(T), (void)(threads)) /* there is one thread */

static ALWAYS void rows_1(const Training *T, int thread, int part, int64_t first, int64_t end, int N) {
    (void)T, (void)thread, (void)part, (void)first, (void)end, (void)N;
    const real k1 = (real)((1.0 / (N * 2.0)));
    double *const L_part = T->part_numbers + part * NUMBERS + 0;
    real *const dW2_part = T->part + part * PART_SIZE + 0;
    real *const db2_part = T->part + part * PART_SIZE + 16;
    real *const dW1_part = T->part + part * PART_SIZE + 32;
    *L_part = 0;
    memset(dW2_part, 0, 6 * sizeof *dW2_part);
    memset(db2_part, 0, 3 * sizeof *db2_part);
    memset(dW1_part, 0, 6 * sizeof *dW1_part);
    for (int64_t begin = first; begin < end; begin += CHUNK) {
        const int rows = (int)least(CHUNK, end - begin);
        real *const W1 = T->carried + 0;
        const int64_t *const *const x = T->rows_of_x + thread * BATCH + begin;
        ALIGNED real e1[8] = {0};
        real *const b2 = T->carried + 32;
        real *const W2 = T->carried + 16;
        ALIGNED real z2[12] = {0};
        ALIGNED real m2[4] = {0};
        ALIGNED real e2[12] = {0};
        ALIGNED real s2[4] = {0};
        ALIGNED real y_hat[12] = {0};
        const real *const *const y = T->rows_of_y + thread * BATCH + begin;
        ALIGNED real l[4] = {0};
        ALIGNED real dz2[12] = {0};
        ALIGNED real de1[8] = {0};
        for (int n = 0; n < rows; n++) {
            /* e1[n,t,d] = W1[x[n,t],d] */
            for (int t = 0; t < 2; t++) for (int d = 0; d < 2; d++) e1[n * 4 + t * 2 + d] = W1[((int)x[n][t]) * 2 + d];
            /* z2[n,t,o] = sum_i e1[n,t,i] * W2[i,o] + b2[o] */
            /* m2[n,t] = max_k z2[n,t,k] */
            /* e2[n,t,k] = exp(z2[n,t,k] - m2[n,t]) */
            /* s2[n,t] = sum_k e2[n,t,k] */
            /* y_hat[n,t,k] = e2[n,t,k] / s2[n,t] */
            /* l[n,t] = scale * sum_k y[n,t,k] * (log(s2[n,t]) - (z2[n,t,k] - m2[n,t])) */
            for (int t = 0; t < 2; t++) {
                for (int o = 0; o < 3; o++) {
                    real t1 = 0;
                    EACH(i, 2) t1 += e1[n * 4 + t * 2 + i] * W2[i * 3 + o];
                    z2[n * 6 + t * 3 + o] = t1 + b2[o];
                }
                __asm__ volatile("" ::: "memory"); /* the next loop as if it stood alone */
                ALIGNED real t3[3];
                EACH(k, 3) t3[k] = z2[n * 6 + t * 3 + k];
                real t4 = t3[0];
                EACH(k, 2) t4 = real_max(t4, t3[k + 1]);
                int t5 = 0;
                EACH(k, 2) t5 |= __builtin_isunordered(t3[k], t3[k + 1]);
                t4 = t5 ? (real)NAN : t4;
                m2[n * 2 + t] = t4;
                __asm__ volatile("" ::: "memory"); /* the next loop as if it stood alone */
                for (int k = 0; k < 3; k++) e2[n * 6 + t * 3 + k] = real_exp(z2[n * 6 + t * 3 + k] - m2[n * 2 + t]);
                __asm__ volatile("" ::: "memory"); /* the next loop as if it stood alone */
                real t6 = 0;
                EACH(k, 3) t6 += e2[n * 6 + t * 3 + k];
                s2[n * 2 + t] = t6;
                __asm__ volatile("" ::: "memory"); /* the next loop as if it stood alone */
                const real t7 = (real)1.0 / s2[n * 2 + t];
                for (int k = 0; k < 3; k++) y_hat[n * 6 + t * 3 + k] = e2[n * 6 + t * 3 + k] * t7;
                __asm__ volatile("" ::: "memory"); /* the next loop as if it stood alone */
                const real t8 = real_log(s2[n * 2 + t]);
                real t9 = 0;
                EACH(k, 3) t9 += y[n][t * 3 + k] * (t8 - (z2[n * 6 + t * 3 + k] - m2[n * 2 + t]));
                l[n * 2 + t] = t9;
            }
            /* L = mean_{n,t} l[n,t] */
            real t10 = 0;
            EACH(t, 2) t10 += l[n * 2 + t];
            L_part[0] += t10;
            /* dz2[n,t,k] = dl[n,t] * scale * (y_hat[n,t,k] - y[n,t,k]) */
            SIMD
            for (int k = 0; k < 6; k++) dz2[n * 6 + k] = k1 * (y_hat[n * 6 + k] - y[n][k]);
            /* dW2[i,o] = sum_{n,t} e1[n,t,i] * dz2[n,t,o] */
            for (int i = 0; i < 2; i++) {
                for (int o = 0; o < 3; o++) {
                    real t11 = 0;
                    EACH(t, 2) t11 += e1[n * 4 + t * 2 + i] * dz2[n * 6 + t * 3 + o];
                    dW2_part[i * 3 + o] += t11;
                }
            }
            /* db2[o] = sum_{n,t} dz2[n,t,o] */
            for (int t = 0; t < 2; t++) for (int o = 0; o < 3; o++) db2_part[o] += dz2[n * 6 + t * 3 + o];
            /* de1[n,t,i] = sum_o dz2[n,t,o] * W2[i,o] */
            for (int t = 0; t < 2; t++) {
                for (int i = 0; i < 2; i++) {
                    real t12 = 0;
                    EACH(o, 3) t12 += dz2[n * 6 + t * 3 + o] * W2[i * 3 + o];
                    de1[n * 4 + t * 2 + i] = t12;
                }
            }
            /* dW1[x[n,t],d] += de1[n,t,d] */
            for (int t = 0; t < 2; t++) for (int d = 0; d < 2; d++) dW1_part[((int)x[n][t]) * 2 + d] += de1[n * 4 + t * 2 + d];
        }
    }
}

static ALWAYS void report_2(const Training *T, int thread, int64_t N) {
    (void)T, (void)thread, (void)N;
    const real k1 = (real)((1.0 / (N * 2.0)));
    double *const L = T->numbers + thread * NUMBERS + 1;
    {
        /* L = mean_{n,t} l[n,t] */
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
    real *const dW2_part = T->part + 0;
    real *const W2 = T->carried + 16;
    real *const db2_part = T->part + 16;
    real *const b2 = T->carried + 32;
    if (part == 0) {
        const int first = 0, last = 6;
        /* dW1[x[n,t],d] += de1[n,t,d] */
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
        const int first = 0, last = 6;
        /* dW2[i,o] = sum_{n,t} e1[n,t,i] * dz2[n,t,o] */
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
        const int first = 0, last = 3;
        /* db2[o] = sum_{n,t} dz2[n,t,o] */
        /* b2_new[...] = b2[...] - lr * db2[...] */
        for (int at = 1; at < PARTS; at++) {
            SIMD
            for (int k = first; k < last; k++) db2_part[k] += db2_part[at * PART_SIZE + k];
        }
        SIMD
        for (int k = first; k < last; k++) {
            const real db2_ = db2_part[k];
            const real b2_new = b2[k] - k1 * db2_;
            b2[k] = b2_new;
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
        T->rows_of_x[thread * BATCH + k] = T->x + row * 2;
        T->rows_of_y[thread * BATCH + k] = T->y + row * 6;
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

/* W1 from 0, W2 from 16, b2 from 32 */
static real carried[112] = {
    0.0012573022109339329, -0.0013210486329130189, 0.0064042265044328209, 0.001049001171530397, -0.0053566937316111094, 0.0036159505490948474, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.23362727929898863, 0.50280177328318376, 0.095577567586329737, 0.95319592262803132, 0.6920004658421679, -1.0894453617426447, 0.0};
static const int64_t x[4] = {
    0, 2, 2, 2};
static const real y[12] = {
    1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0,
    1.0, 0.0, 0.0, 1.0};
static const int64_t samples = 2;

int main(void) {
    static Training T;
    static real batch[64];
    static real chunk[64];
    static real part[112];
    static real own[64];
    static double numbers[NUMBERS];
    static double part_numbers[NUMBERS];
    static const int64_t *rows_of_x[BATCH];
    static const real *rows_of_y[BATCH];
    T.carried = carried, T.batch = batch, T.chunk = chunk, T.part = part, T.own = own;
    T.numbers = numbers, T.part_numbers = part_numbers;
    T.x = x, T.rows_of_x = rows_of_x;
    T.y = y, T.rows_of_y = rows_of_y;
    static int64_t order[sizeof x / sizeof *x];
    for (int64_t k = 0; k < samples; k++)
        order[k] = k;
    double loss = 0, predicted = 0;
    T.rate = 0.01, T.losses = &loss, T.data_losses = &predicted;
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
