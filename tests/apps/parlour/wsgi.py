"""WSGI entry: gunicorn --worker-class gthread --threads 100 --workers 1 wsgi:application"""

from app import application  # noqa: F401
