/**
 * What is used of the AWS SDK, as a module of its own: it is loaded only where there is a bucket, and
 * a bundler gives what it loads late, where that is no ES module, no names but `default`.
 */
export {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
