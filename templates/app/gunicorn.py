# Managed by Slipway for site {{ site | comment }}. Changes made here are reported as drift and replaced; edit slipway.toml (or the template override {{ template | comment }}) and run slipway plan.

import os

{% if has_port %}
# systemd hands the listening socket over and this is not used; without it, gunicorn's default would be every interface.
bind = "127.0.0.1:" + os.environ["PORT"]
{% endif %}
workers = {{ workers }}
worker_class = {{ worker_class | py }}
{% if threads %}
threads = {{ threads }}
{% endif %}
{% if worker_connections %}
worker_connections = {{ worker_connections }}
{% endif %}
timeout = {{ timeout }}
graceful_timeout = {{ graceful_timeout }}
keepalive = {{ keepalive }}
preload_app = {{ preload }}
{% if max_requests %}
max_requests = {{ max_requests }}
max_requests_jitter = {{ max_requests_jitter }}
{% endif %}

# The journal takes both streams.
errorlog = "-"
loglevel = {{ log_level }}
{% if access_log %}
accesslog = "-"
access_log_format = '%({x-forwarded-for}i)s %(l)s %(u)s "%(r)s" %(s)s %(b)s %(M)sms "%(f)s" "%(a)s"'
{% else %}
accesslog = None
{% endif %}
proc_name = {{ process_title | py }}

# nginx on this host is the only peer; it replaces these headers on every request.
forwarded_allow_ips = "127.0.0.1"
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380

# Heartbeat files on a disk can block a worker long enough to be killed.
worker_tmp_dir = "/dev/shm"

# gunicorn 25 and later would put a control socket into the user's home, which is read-only; older ones skip this line.
control_socket_disable = True
