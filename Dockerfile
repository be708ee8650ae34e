# A Prefect worker that runs the flows of this checkout on a CPU.
#   docker build -t gan-augmentor .
#   docker run -e PREFECT_API_URL=http://HOST:4200/api gan-augmentor prefect --no-prompt deploy --all
#   docker run -e PREFECT_API_URL=http://HOST:4200/api -v "$PWD/runs:/app/runs" gan-augmentor
FROM python:3.11.13-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_HOME=/app/.prefect OMP_NUM_THREADS=1

RUN useradd --create-home --uid 1000 augmentor && install -d -o augmentor -g augmentor /app /app/runs
WORKDIR /app

COPY pyproject.toml constraints.txt README.md LICENSE prefect.yaml ./
COPY augmentor augmentor
COPY pipelines pipelines
COPY datasets datasets
COPY reports reports
RUN pip install -c constraints.txt setuptools && pip install -c constraints.txt --no-build-isolation -e .

USER 1000
CMD ["prefect", "worker", "start", "--pool", "augmentor", "--type", "process"]
