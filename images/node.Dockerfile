# Needs no network and no BuildKit; `make images` builds app/ first.
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot
FROM ${BASE_IMAGE}
COPY app/ /app/
ENV NODE_ENV=production MALLOC_MMAP_THRESHOLD_=262144
USER 65532:65532
EXPOSE 8080 9080 10080
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--no-allocation-site-pretenuring"]
CMD ["/app/lithair.mjs"]
