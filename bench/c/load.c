/* The least a load generator on epoll can be: it keeps one request of SIZE bytes
 * under way on each of CONNS connections, reads the answers, and prints how many came
 * in a second. It takes no times and checks no byte.
 * usage: load PORT CONNS SIZE SECONDS */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buf[65536];
static int left[65536]; /* bytes of the answer that are still to come, by descriptor */

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
	if (argc != 5) { fprintf(stderr, "usage: load PORT CONNS SIZE SECONDS\n"); return 2; }
	int conns = atoi(argv[2]), size = atoi(argv[3]), one = 1, ep = epoll_create1(0);
	double span = atof(argv[4]);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN}, evs[256];
	for (int i = 0; i < conns; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (void *)&a, sizeof a)) { perror("connect"); return 1; }
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		ev.data.fd = fd;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
		left[fd] = size;
		if (write(fd, buf, size) != size) return 1;
	}
	double warm = now() + span / 4, begin = 0;
	long done = 0;
	for (;;) {
		int n = epoll_wait(ep, evs, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = evs[i].data.fd;
			ssize_t r = read(fd, buf, left[fd]);
			if (r <= 0) { perror("read"); return 1; }
			if (left[fd] -= r) continue;
			done++;
			left[fd] = size;
			if (write(fd, buf, size) != size) return 1;
		}
		double t = now();
		if (!begin && t > warm) { begin = t; done = 0; }
		if (begin && t > begin + span) { printf("%.0f\n", done / (t - begin)); return 0; }
	}
}
