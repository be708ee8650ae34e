"""What reads samples: class folders, arrays in .npz and .npy files, pictures, series and volumes."""
