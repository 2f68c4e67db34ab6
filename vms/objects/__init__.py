"""Object storage behind one port: a folder, or anything that speaks S3. The only owner of the minio client."""
