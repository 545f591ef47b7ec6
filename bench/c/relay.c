/* The least a relay on epoll can be, edge-triggered, by splicing through one
 * warm 1 MiB pipe or by copying through one buffer; bytes that a full sink did
 * not take stay in a pipe or a block of memory of their own.
 * usage: relay splice|copy PORT BACKEND_PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF 65536
struct side {
	int fd, in, out, eof, p[2], held; /* held: bytes in p, or in mem from off */
	char *mem;
	int off;
	struct side *peer;
	struct side *next;
};
static int ep, splicing, npool, pool[1024][2];
static char buf[BUF];
static struct side *graveyard;

static void getpipe(int *p) {
	if (npool) { memcpy(p, pool[--npool], sizeof pool[0]); return; }
	if (pipe2(p, O_NONBLOCK)) { perror("pipe"); exit(1); }
	fcntl(p[0], F_SETPIPE_SZ, 1 << 20);
}
static void putpipe(int *p) {
	if (npool < 1024) { memcpy(pool[npool++], p, sizeof pool[0]); return; }
	close(p[0]); close(p[1]);
}
static void end(struct side *s) {
	if (s->fd < 0) return;
	struct side *both[2] = {s, s->peer};
	for (int i = 0; i < 2; i++) {
		struct side *t = both[i];
		close(t->fd); t->fd = -1;
		if (t->held && t->mem) free(t->mem);
		else if (t->held) { close(t->p[0]); close(t->p[1]); }
		t->next = graveyard; graveyard = t;
	}
}
/* move what s can read to its peer; 0: gone */
static int move(struct side *s) {
	struct side *d = s->peer;
	for (;;) {
		if (s->held) {
			if (!d->out) return 1;
			ssize_t w = s->mem ? send(d->fd, s->mem + s->off, s->held, MSG_NOSIGNAL)
			                   : splice(s->p[0], 0, d->fd, 0, s->held, SPLICE_F_NONBLOCK);
			if (w < 0) { if (errno == EAGAIN) { d->out = 0; return 1; } end(s); return 0; }
			s->held -= w; s->off += w;
			if (s->held) continue;
			if (s->mem) { free(s->mem); s->mem = 0; } else putpipe(s->p);
		}
		if (!s->in || s->eof) return 1;
		ssize_t r;
		if (splicing) {
			getpipe(s->p);
			r = splice(s->fd, 0, s->p[1], 0, 1 << 20, SPLICE_F_NONBLOCK);
			if (r > 0) { s->held = r; continue; }
			putpipe(s->p);
		} else {
			r = recv(s->fd, buf, BUF, 0);
			if (r > 0) {
				if (r < BUF && s->in == 1) s->in = 0;
				ssize_t w = d->out ? send(d->fd, buf, r, MSG_NOSIGNAL) : 0;
				if (w < 0 && errno != EAGAIN) { end(s); return 0; }
				if (w < 0) { w = 0; d->out = 0; }
				if (w < r) { s->mem = malloc(r - w); memcpy(s->mem, buf + w, r - w); s->off = 0; s->held = r - w; }
				continue;
			}
		}
		if (r == 0) {
			s->eof = 1;
			shutdown(d->fd, SHUT_WR);
			if (d->eof) { end(s); return 0; }
			return 1;
		}
		if (errno == EAGAIN) { s->in = 0; return 1; }
		end(s); return 0;
	}
}
int main(int argc, char **argv) {
	int one = 1, ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	signal(SIGPIPE, SIG_IGN);
	ep = epoll_create1(0);
	splicing = !strcmp(argv[1], "splice");
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, b = a;
	b.sin_port = htons(atoi(argv[3]));
	setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(ls, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(ls, (void *)&a, sizeof a) || listen(ls, 4096)) { perror("listen"); return 1; }
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = 0}, evs[256];
	epoll_ctl(ep, EPOLL_CTL_ADD, ls, &ev);
	for (;;) {
		int n = epoll_wait(ep, evs, 256, -1);
		for (int i = 0; i < n; i++) {
			struct side *s = evs[i].data.ptr;
			if (!s) {
				int c = accept4(ls, 0, 0, SOCK_NONBLOCK);
				if (c < 0) continue;
				int u = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
				setsockopt(u, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				if (connect(u, (void *)&b, sizeof b) && errno != EINPROGRESS) { close(c); close(u); continue; }
				struct side *x = calloc(1, sizeof *x), *y = calloc(1, sizeof *y);
				x->fd = c; x->peer = y; x->out = 1;
				y->fd = u; y->peer = x;
				ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
				ev.data.ptr = x; epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
				ev.data.ptr = y; epoll_ctl(ep, EPOLL_CTL_ADD, u, &ev);
				continue;
			}
			if (s->fd < 0) continue;
			unsigned m = evs[i].events;
			if (m & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) s->in = m & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? 2 : 1;
			if (m & EPOLLOUT) s->out = 1;
			if (move(s)) move(s->peer);
		}
		while (graveyard) { struct side *s = graveyard; graveyard = s->next; free(s); }
	}
}
