package peers

import (
	"os"
	"path/filepath"
)

// haproxy copies, through a buffer that takes a message of 16 KiB whole. Connections
// are as many as 20,000 descriptors allow: it does not start where it could run out of
// them.
const haproxy = `global
  nbthread 1
  maxconn 9200
  tune.bufsize 65536
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen relay
  bind {addr}
  server backend {to}
`

const haproxySource = "HAProxy's configuration manual: nbthread, tune.bufsize. Splicing was measured, and makes messages dearer; it is for bulk."

// haproxySplices splices both ways, always, with pipes as large as those of the relays
// in C.
const haproxySplices = `global
  nbthread 1
  maxconn 9200
  maxpipes 200
  tune.pipesize 1048576
defaults
  mode tcp
  option splice-request
  option splice-response
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen relay
  bind {addr}
  server backend {to}
`

const haproxySplicesSource = "HAProxy's configuration manual: option splice-request, option splice-response, tune.pipesize. With option splice-auto it splices nothing here (strace -c)."

const nginxWords = "nginx -p {dir} -e stderr -c {conf}"

// nginx returns the configuration of nginx with its stream module, which copies: it
// has no splicing to switch on. It has one process.
func nginx(buffer string) string {
	return `daemon off;
master_process off;
pid nginx.pid;
load_module {nginxmodules}/ngx_stream_module.so;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
stream {
  access_log off;
  server {
    listen {addr} backlog=4096;
    tcp_nodelay on;
    proxy_pass {to};
    proxy_connect_timeout 10s;
    proxy_timeout 1h;
    proxy_buffer_size ` + buffer + `;
  }
}
`
}

const nginxSource = "nginx's documentation of ngx_stream_proxy_module: proxy_buffer_size, as measured to be the cheapest in these rows. With one process reuseport and accept_mutex change nothing; multi_accept was measured, and changes nothing."

// nginxModules returns the folder that holds the stream module, "" if there is none.
func nginxModules() string {
	for _, dir := range []string{"/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules"} {
		if _, err := os.Stat(filepath.Join(dir, "ngx_stream_module.so")); err == nil {
			return dir
		}
	}
	return ""
}
